import { WebhookError } from '@novita-webhooks/core';

import type { Database } from '../client/database.ts';
import { migrate } from '../migrations/migrate.ts';
import { explain, isOfSchema } from '../errors.ts';

/** What every operation goes through: there are tables, and errors tell what to do. */
export interface Gate {
  run<T>(work: () => Promise<T>): Promise<T>;
  /** The same, for work whose errors are somebody else's: they are passed on as they are. The signal ends it. */
  enter<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T>;
  /** Resolves when there are tables; tries again each time it is asked. */
  ready(): Promise<void>;
  isClosing(): boolean;
  /** Refuses what comes, waits for what is under way, and after `gracePeriodMs` ends what it can. */
  close(gracePeriodMs: number): Promise<void>;
}

export function createGate(database: Database, schema: string): Gate {
  const underWay = new Set<Promise<unknown>>();
  let migrated: Promise<void> | undefined;
  const endings = new Set<AbortController>();
  let isClosed = false;

  function ready(): Promise<void> {
    if (migrated === undefined) {
      const migrating = migrate(database, schema);
      migrating.catch(() => forget(migrating)); // whoever waits for it hears why
      migrated = migrating;
    }
    return migrated;
  }

  function forget(migrating: Promise<void> | undefined): void {
    if (migrated === migrating) migrated = undefined;
  }

  async function pass<T>(work: () => Promise<T>): Promise<T> {
    const migrating = ready();
    try {
      await migrating;
      return await work();
    } catch (error) {
      if (isOfSchema(error)) forget(migrating); // somebody has dropped them
      throw explain(error);
    }
  }

  async function passOn<T>(work: () => Promise<T>): Promise<T> {
    await pass(async () => undefined);
    return work();
  }

  function track<T>(start: () => Promise<T>): Promise<T> {
    if (isClosed) return Promise.reject(closing());
    const passing = start();
    const done = () => underWay.delete(passing);
    underWay.add(passing);
    passing.then(done, done);
    return passing;
  }

  return {
    ready,
    run: (work) => track(() => pass(work)),
    enter(work) {
      const ending = new AbortController();
      endings.add(ending);
      const entering = track(() => passOn(() => work(ending.signal)));
      return entering.finally(() => endings.delete(ending));
    },
    isClosing: () => isClosed,
    async close(gracePeriodMs) {
      isClosed = true;
      const timer = setTimeout(() => {
        for (const ending of endings) ending.abort(closing());
      }, gracePeriodMs);
      await Promise.allSettled(underWay);
      clearTimeout(timer);
    },
  };
}

const closing = (): WebhookError => new WebhookError('closing', 'the inbox is closed');
