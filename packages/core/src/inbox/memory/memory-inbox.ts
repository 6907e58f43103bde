import { requireOptions } from '../../shared/check-options.ts';
import type { Inbox } from '../ports.ts';
import { memoryStore, type MemoryStoreOptions } from './memory-store.ts';
import {
  POLLING_INBOX_OPTIONS,
  pollingInbox,
  type PollingInboxOptions,
} from '../polling/polling-inbox.ts';

/** Limits of the memory inbox, and how it is consumed. */
export type MemoryInboxOptions = MemoryStoreOptions & Omit<PollingInboxOptions, 'pollIntervalMs'>;

const KNOWN = ['maxEntries', 'maxBytes', ...POLLING_INBOX_OPTIONS];

/**
 * The default inbox: keeps entries in the memory of this process, within limits. Its entries are lost
 * when the process ends. Use a durable inbox where that matters.
 *
 * @throws WebhookError `invalid_option`
 * @example
 * createReceiver({ secret, inbox: memoryInbox({ maxEntries: 10_000 }) });
 */
export function memoryInbox(options: MemoryInboxOptions = {}): Inbox {
  requireOptions('memoryInbox', options, 'memoryInbox()', KNOWN);
  const { maxEntries, maxBytes, ...polling } = options;
  const { clock } = polling;
  return pollingInbox(memoryStore({ maxEntries, maxBytes, clock }), polling);
}
