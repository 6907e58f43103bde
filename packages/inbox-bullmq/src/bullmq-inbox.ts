import { pollingInbox, type Inbox } from '@novita-webhooks/core';

import { bullmqStore } from './bullmq-store.ts';
import { toStoreOptions, type BullmqInboxOptions } from './options.ts';

/**
 * An inbox on BullMQ, for any number of processes: each entry is a job, each endpoint a queue. What it
 * has acknowledged is as safe as Redis is configured to keep it: see `appendfsync` in the README.
 *
 * @throws WebhookError `invalid_option`. A Redis that cannot be used for now is no reason to throw:
 * deliveries are answered 503 until it can.
 * @example
 * createReceiver({ secret, inbox: bullmqInbox({ connection: process.env.REDIS_URL }) });
 */
export function bullmqInbox(options: BullmqInboxOptions): Inbox {
  const store = bullmqStore(toStoreOptions(options));
  const { leaseDurationMs, pollIntervalMs, cleanupIntervalMs, retention } = options;
  return pollingInbox(store, { leaseDurationMs, pollIntervalMs, cleanupIntervalMs, retention });
}
