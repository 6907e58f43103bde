import type { Inbox } from '../ports.ts';
import { memoryStore, type MemoryStoreOptions } from './memory-store.ts';
import { pollingInbox, type PollingInboxOptions } from '../polling/polling-inbox.ts';

/** Bounds of the memory inbox, and how it is consumed. */
export type MemoryInboxOptions = MemoryStoreOptions & Omit<PollingInboxOptions, 'pollIntervalMs'>;

/**
 * The default inbox: keeps entries in this process's memory, within bounds. What is in it when the
 * process dies is lost; take a durable inbox where that matters.
 *
 * @throws WebhookError `invalid_option`
 * @example
 * createReceiver({ secret, inbox: memoryInbox({ maxEntries: 10_000 }) });
 */
export function memoryInbox(options: MemoryInboxOptions = {}): Inbox {
  const { maxEntries, maxBytes, ...polling } = options;
  const { clock } = polling;
  return pollingInbox(memoryStore({ maxEntries, maxBytes, clock }), polling);
}
