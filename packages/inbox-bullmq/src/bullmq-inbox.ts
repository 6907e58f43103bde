import {
  POLLING_INBOX_OPTIONS,
  pollingInbox,
  requireOptions,
  type Inbox,
} from '@novita-webhooks/core';

import { bullmqStore } from './bullmq-store.ts';
import { checkLease, toStoreOptions, type BullmqInboxOptions } from './options.ts';

const KNOWN = [
  ...['connection', 'prefix', 'queueNamePrefix', 'commandTimeoutMs'],
  ...POLLING_INBOX_OPTIONS,
];

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
  requireOptions('inbox-bullmq', options, 'bullmqInbox({ connection })', KNOWN);
  const { connection, prefix, queueNamePrefix, commandTimeoutMs, ...polling } = options;
  const place = { connection, prefix, queueNamePrefix, commandTimeoutMs };
  checkLease(polling);
  return pollingInbox(bullmqStore(toStoreOptions(place)), polling);
}
