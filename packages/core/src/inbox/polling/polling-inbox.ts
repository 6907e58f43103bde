import * as z from 'zod';

import { checkOptions, positive, strictOptions } from '../../shared/check-options.ts';
import { systemClock, type Clock } from '../../shared/clock.ts';
import { isObject } from '../../shared/json.ts';
import type { Logger } from '../../shared/logger.ts';
import { isPromise } from '../../shared/is-promise.ts';
import { checkNewEntry } from '../check-new-entry.ts';
import { checkEntryKey } from '../entry-query.ts';
import { toAdd } from '../immediate-add.ts';
import { createEntryAdmin } from '../operations/create-entry-admin.ts';
import type { AddAnswer, EntryKey, Inbox, Retention, Store } from '../ports.ts';
import { attemptOne } from './attempt-one.ts';
import { cleanUpRegularly, createCleanUpIfDue } from './clean-up.ts';
import { startPollLoop, type PollLoop } from './poll-loop.ts';

const shape = {
  leaseDurationMs: positive,
  pollIntervalMs: positive,
  cleanupIntervalMs: positive,
  retention: strictOptions({ doneMs: positive, deadMs: positive }).optional(),
  clock: z.unknown().optional(),
} satisfies Record<keyof PollingInboxOptions, z.ZodType>;
const schema = strictOptions(shape);

/** Names of the options that every inbox on a store has: for its error about an unknown option. */
export const POLLING_INBOX_OPTIONS: readonly string[] = Object.keys(shape);

const isStore = (value: unknown) =>
  isObject(value) && isObject((value as Partial<Store>).capabilities);
const storeSchema = z.custom(isStore, 'pass a store, such as pollingInbox(memoryStore())');

const DAY_MS = 24 * 60 * 60 * 1000;

/** How a store is consumed, and how long it keeps finished entries. */
export interface PollingInboxOptions {
  /**
   * Milliseconds after which another worker may claim a running entry; default 30 s. Heartbeats
   * extend the lease while handlers run, so it does not limit them.
   */
  readonly leaseDurationMs?: number | undefined;
  /**
   * Maximum milliseconds between two claims of a store that other processes add to; default 1 s.
   * Entries that this process adds are claimed at once.
   */
  readonly pollIntervalMs?: number | undefined;
  /** Default: done entries 7 days, dead letters 30 days. */
  readonly retention?: Partial<Retention> | undefined;
  /** Milliseconds between two deletions of expired entries; default 1 minute. */
  readonly cleanupIntervalMs?: number | undefined;
  readonly clock?: Clock | undefined;
}

/**
 * Turns a store into an inbox: claims with leases, heartbeats, retries on the store's clock, deletion
 * of expired entries.
 *
 * @throws WebhookError `invalid_option`
 * @example
 * const inbox = pollingInbox(memoryStore(), { retention: { doneMs: 3_600_000 } });
 */
export function pollingInbox<Tx = unknown>(
  store: Store<Tx>,
  options?: PollingInboxOptions,
): Inbox<Tx>;
// The store's transactions are passed through, so the implementation needs no type for them.
export function pollingInbox(store: Store, options: PollingInboxOptions = {}): Inbox {
  checkOptions('pollingInbox', storeSchema, store);
  checkOptions('inbox', schema, options);
  const { leaseDurationMs = 30_000, cleanupIntervalMs = 60_000, clock = systemClock } = options;
  const { doneMs = 7 * DAY_MS, deadMs = 30 * DAY_MS } = options.retention ?? {};
  const pollIntervalMs = store.capabilities.shared ? (options.pollIntervalMs ?? 1000) : Infinity;
  const cleanUp = { store, retention: { doneMs, deadMs }, intervalMs: cleanupIntervalMs, clock };
  const cleanUpIfDue = createCleanUpIfDue(cleanUp);
  const loops = new Set<PollLoop>();
  const wakeAll = () => {
    for (const loop of loops) loop.wake();
  };
  const wakeIfAdded = (added: AddAnswer): AddAnswer => {
    if (added === 'added') wakeAll();
    return added;
  };

  return {
    capabilities: store.capabilities,
    ...(store.name !== undefined && { name: store.name }),
    add: toAdd((entry) => {
      checkNewEntry(entry);
      const adding = store.add(entry);
      return isPromise(adding) ? adding.then(wakeIfAdded) : wakeIfAdded(adding);
    }),
    consume(run, consumeOptions) {
      const { log } = consumeOptions;
      const loop = startPollLoop({
        ...consumeOptions,
        store,
        run,
        leaseDurationMs,
        pollIntervalMs,
        clock,
      });
      loops.add(loop);
      const stopCleanUp = cleanUpRegularly({ ...cleanUp, log });
      return {
        async stop({ gracePeriodMs }) {
          stopCleanUp();
          await loop.stop(gracePeriodMs);
          loops.delete(loop);
        },
      };
    },
    ...createEntryAdmin(store, wakeAll),
    ...optionalPartsOf(store, wakeAll),
    ...(store.claimOne && {
      attempt: (key, run, attemptOptions) =>
        attemptOne(key, { ...attemptOptions, store, run, leaseDurationMs, clock, cleanUpIfDue }),
    }),
  };
}

/** The inbox has these methods only if the store has them. */
function optionalPartsOf(store: Store, wakeAll: () => void): Pick<Inbox, 'open' | 'promote'> {
  return {
    ...(store.open && { open: (log: Logger) => store.open?.(log) }),
    ...(store.promote && {
      async promote(key: EntryKey) {
        checkEntryKey('promote', key);
        await store.promote?.(key);
        wakeAll();
      },
    }),
  };
}
