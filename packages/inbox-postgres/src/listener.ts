import { type Logger } from '@novita-webhooks/core';

import type { Database } from './database.ts';
import { listenOnce } from './listening.ts';
import type { PostgresPool } from './pool.ts';
import { sharesOf } from './shares.ts';
import { sleep } from './sleep.ts';
import { explain, NO_FREE_CONNECTION, troubled } from './troubles.ts';

/** Hears what other processes tell. */
export interface Listener {
  /** @returns ends it */
  subscribe(endpoint: string, heard: () => void): () => void;
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

interface Subscription {
  readonly endpoint: string;
  readonly heard: () => void;
}

const SHORTEST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;

/** On one connection for all, for as long as somebody listens. */
export function createListener(options: ListenerOptions): Listener {
  const { database, pool, channel, checkMs, log } = options;
  const subscriptions = new Set<Subscription>();
  const listening = new Set<Promise<void>>();
  let stop: (() => void) | undefined;

  function tell(endpoint?: string): void {
    for (const subscription of subscriptions) {
      if (endpoint === undefined || endpoint === subscription.endpoint) subscription.heard();
    }
  }

  /** On one connection after the other, until the signal. */
  async function listen(signal: AbortSignal): Promise<void> {
    let pauseMs = SHORTEST_PAUSE_MS;
    const onListening = () => {
      pauseMs = SHORTEST_PAUSE_MS;
      tell(); // of what was not heard before
    };
    while (!signal.aborted) {
      const leave = sharesOf(pool).listen();
      try {
        if (leave === undefined) throw troubled(NO_FREE_CONNECTION, 'the pool has none to spare');
        await listenOnce({ database, channel, checkMs, signal, onListening, onHeard: tell });
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
      const subscription = { endpoint, heard };
      subscriptions.add(subscription);
      stop ??= start();
      return () => {
        subscriptions.delete(subscription);
        if (subscriptions.size === 0) end();
      };
    },
    async close() {
      subscriptions.clear();
      end();
      await Promise.all(listening);
    },
  };
}
