import type { Logger } from '@novita-webhooks/core';

import type { Database } from '../client/database.ts';
import { getPoolQuota } from '../client/pool-quota.ts';
import { sleep } from '../client/sleep.ts';
import { createCodedError, POOL_TIMEOUT, toInboxError } from '../errors.ts';
import type { PostgresPool } from '../pool.ts';
import { listenOnConnection } from './listen-connection.ts';
import { createSubscriptions } from './subscriptions.ts';

/** Receives the notifications of other processes, and makes consumers poll. */
export interface NotificationListener {
  /** @returns ends the subscription */
  subscribe(endpoint: string, poll: () => void): () => void;
  /** Reports how many entries a claim returned. */
  claimed(endpoint: string, entries: number): void;
  /** Resolves when the connection is released. */
  close(): Promise<void>;
}

export interface NotificationListenerOptions {
  readonly database: Database;
  readonly pool: PostgresPool;
  readonly channel: string;
  /** How often a query checks that the connection still works, in milliseconds. */
  readonly checkIntervalMs: number;
  readonly log: () => Logger;
}

const MIN_RECONNECT_DELAY_MS = 250;
const MAX_RECONNECT_DELAY_MS = 10_000;

/** Keeps one connection for all subscriptions, and only while there is one. */
export function createNotificationListener(
  options: NotificationListenerOptions,
): NotificationListener {
  const { database, pool, channel, checkIntervalMs, log } = options;
  const subscriptions = createSubscriptions();
  const connection = { database, channel, checkIntervalMs, onNotification: subscriptions.notify };
  const listening = new Set<Promise<void>>();
  let stop: (() => void) | undefined;

  /** Reconnects with exponential backoff until the signal is aborted. */
  async function keepListening(signal: AbortSignal): Promise<void> {
    let delayMs = MIN_RECONNECT_DELAY_MS;
    const onListening = () => {
      delayMs = MIN_RECONNECT_DELAY_MS;
      subscriptions.notify(); // notifications before LISTEN were missed
    };
    while (!signal.aborted) {
      const endReservation = getPoolQuota(pool).reserveListener();
      try {
        if (endReservation === undefined) throw poolTooSmall();
        await listenOnConnection({ ...connection, signal, onListening });
      } catch (error) {
        const { message } = toInboxError(error);
        log().debug({ error: message }, 'inbox-postgres: no notifications arrive. Workers poll.');
      } finally {
        endReservation?.();
      }
      await sleep(delayMs * (0.5 + Math.random() / 2), signal);
      delayMs = Math.min(2 * delayMs, MAX_RECONNECT_DELAY_MS);
    }
  }

  function start(): () => void {
    const controller = new AbortController();
    const loop = keepListening(controller.signal).finally(() => listening.delete(loop));
    listening.add(loop);
    return () => controller.abort();
  }

  function stopListening(): void {
    stop?.();
    stop = undefined;
  }

  return {
    subscribe(endpoint, poll) {
      const remove = subscriptions.add(endpoint, poll);
      stop ??= start();
      return () => {
        remove();
        if (subscriptions.isEmpty()) stopListening();
      };
    },
    claimed: subscriptions.claimed,
    async close() {
      subscriptions.clear();
      stopListening();
      await Promise.all(listening);
    },
  };
}

const poolTooSmall = (): Error =>
  createCodedError(POOL_TIMEOUT, 'the pool has no connection to spare for notifications');
