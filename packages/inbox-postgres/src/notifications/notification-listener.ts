import { systemClock, type Logger } from '@novita-webhooks/core';

import type { Database } from '../client/database.ts';
import { listenOnce } from './listen-connection.ts';
import type { PostgresPool } from '../pool.ts';
import { createRestraint, type Restraint } from './poll-throttle.ts';
import { sharesOf } from '../client/pool-quota.ts';
import { sleep } from '../client/sleep.ts';
import { explain, NO_FREE_CONNECTION, troubled } from '../errors.ts';

/** Hears what other processes tell. */
export interface Listener {
  /** @returns ends it */
  subscribe(endpoint: string, heard: () => void): () => void;
  /** How many entries a claim has found. */
  claimed(endpoint: string, entries: number): void;
  /** Resolves when its client is back in the pool. */
  close(): Promise<void>;
}

export interface ListenerOptions {
  readonly database: Database;
  readonly pool: PostgresPool;
  readonly channel: string;
  /** How often a connection on which nothing is heard is asked whether it is still there. */
  readonly checkMs: number;
  readonly log: () => Logger;
}

const SHORTEST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;

/** On one connection for all, for as long as somebody listens. */
export function createListener(options: ListenerOptions): Listener {
  const { database, pool, channel, checkMs, log } = options;
  const audience = createAudience();
  const how = { database, channel, checkMs, onHeard: audience.tell };
  const listening = new Set<Promise<void>>();
  let stop: (() => void) | undefined;

  /** On one connection after the other, until the signal. */
  async function listen(signal: AbortSignal): Promise<void> {
    let pauseMs = SHORTEST_PAUSE_MS;
    const onListening = () => {
      pauseMs = SHORTEST_PAUSE_MS;
      audience.tell(); // of what was not heard before
    };
    while (!signal.aborted) {
      const leave = sharesOf(pool).listen();
      try {
        if (leave === undefined) throw troubled(NO_FREE_CONNECTION, 'the pool has none to spare');
        await listenOnce({ ...how, signal, onListening });
      } catch (error) {
        log().debug({ error: explain(error).message }, 'no notifications for now; polling goes on');
      } finally {
        leave?.();
      }
      await sleep(pauseMs * (0.5 + Math.random() / 2), signal);
      pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
    }
  }

  function start(): () => void {
    const controller = new AbortController();
    const listens = listen(controller.signal).finally(() => listening.delete(listens));
    listening.add(listens);
    return () => controller.abort();
  }

  function end(): void {
    stop?.();
    stop = undefined;
  }

  return {
    subscribe(endpoint, heard) {
      const leave = audience.enter(endpoint, heard);
      stop ??= start();
      return () => {
        leave();
        if (audience.isEmpty()) end();
      };
    },
    claimed: audience.claimed,
    async close() {
      audience.leave();
      end();
      await Promise.all(listening);
    },
  };
}

/** Those who are told, by endpoint. */
function createAudience() {
  const all = new Set<{ readonly endpoint: string; readonly restraint: Restraint }>();
  return {
    enter(endpoint: string, look: () => void): () => void {
      const restraint = createRestraint({ look, clock: systemClock, random: Math.random });
      const one = { endpoint, restraint };
      all.add(one);
      return () => {
        restraint.stop();
        all.delete(one);
      };
    },
    leave(): void {
      for (const { restraint } of all) restraint.stop();
      all.clear();
    },
    isEmpty: () => all.size === 0,
    /** @param about `undefined`: it may be any */
    tell(about?: string): void {
      for (const { endpoint, restraint } of all) {
        if (about === undefined || about === endpoint) restraint.hear();
      }
    },
    claimed(about: string, entries: number): void {
      for (const { endpoint, restraint } of all) if (about === endpoint) restraint.found(entries);
    },
  };
}
