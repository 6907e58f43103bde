import { pollingInbox, type Inbox, type PollingInboxOptions } from '@novita-webhooks/core';

import { natsStore, type NatsStoreOptions } from './nats-store.ts';

const HOUR_MS = 60 * 60 * 1000;

/**
 * Makes an inbox in a JetStream stream. Any number of processes can add to it and consume from it.
 *
 * @example
 * const connection = await connect({ servers: 'nats://127.0.0.1:4222', maxReconnectAttempts: -1 });
 * const receiver = createReceiver({ inbox: natsInbox({ connection }), secret });
 */
export function natsInbox(options: NatsStoreOptions & PollingInboxOptions): Inbox {
  const { connection, stream, replicas, clock, ...polling } = options;
  const store = natsStore({
    connection,
    ...(stream !== undefined && { stream }),
    ...(replicas !== undefined && { replicas }),
    clock,
  });
  // deleteExpired reads the whole stream, so once an hour instead of once a minute.
  return pollingInbox(store, { cleanupIntervalMs: HOUR_MS, ...polling, clock });
}
