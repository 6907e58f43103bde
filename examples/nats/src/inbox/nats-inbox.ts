import { pollingInbox, type Inbox, type PollingInboxOptions } from '@novita-webhooks/core';

import { natsStore, type NatsStoreOptions } from './nats-store.ts';

const HOUR_MS = 60 * 60 * 1000;

/**
 * An inbox in a JetStream stream: shared by any number of processes that take and handle events.
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
  // A purge reads the whole stream.
  return pollingInbox(store, { cleanupIntervalMs: HOUR_MS, ...polling, clock });
}
