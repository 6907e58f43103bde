import { z } from 'zod';

import { checkOptions, positive } from '../../shared/check-options.ts';
import { systemClock, type Clock } from '../../shared/clock.ts';
import { startPollLoop, type PollLoop } from './poll-loop.ts';
import { createCrew, type CrewOptions } from './claim-pool.ts';
import type {
  AttemptOptions,
  Claim,
  ConsumeOptions,
  Consumer,
  EntryAdmin,
  EntryKey,
  Inbox,
  Retention,
  EntryProcessor,
  AttemptHandle,
  Store,
} from '../ports.ts';
import { errorFields, type Logger } from '../../shared/logger.ts';

const schema = z.strictObject({
  leaseDurationMs: positive,
  pollIntervalMs: positive,
  cleanupIntervalMs: positive,
  retention: z.strictObject({ doneMs: positive, deadMs: positive }).optional(),
  clock: z.unknown().optional(),
});

const DAY_MS = 24 * 60 * 60 * 1000;

/** How a store is consumed, and for how long it remembers. */
export interface PollingInboxOptions {
  /**
   * How long a claim holds before others may take the entry over, in milliseconds; default 30 s.
   * Extended for as long as the handlers run, so it is no limit on them.
   */
  readonly leaseDurationMs?: number | undefined;
  /**
   * Longest time between two looks at a store that other processes add to, in milliseconds;
   * default 1 s. What this process adds is taken up at once.
   */
  readonly pollIntervalMs?: number | undefined;
  /** Default: done entries 7 days, dead letters 30 days. */
  readonly retention?: Partial<Retention> | undefined;
  /** Time between two purges, in milliseconds; default 1 minute. */
  readonly cleanupIntervalMs?: number | undefined;
  readonly clock?: Clock | undefined;
}

/**
 * Turns a store into an inbox: claims with leases, heartbeats, hand-over, retries on the store's
 * clock, retention.
 *
 * @throws WebhookError `invalid_option`
 * @example
 * const inbox = pollingInbox(memoryStore(), { retention: { doneMs: 3_600_000 } });
 */
export function pollingInbox<Tx = unknown>(
  store: Store<Tx>,
  options?: PollingInboxOptions,
): Inbox<Tx>;
// What the store hands to handlers only passes through here.
export function pollingInbox(store: Store, options: PollingInboxOptions = {}): Inbox {
  checkOptions('inbox', schema, options);
  const {
    leaseDurationMs = 30_000,
    pollIntervalMs = 1000,
    cleanupIntervalMs = 60_000,
    clock = systemClock,
  } = options;
  const { doneMs = 7 * DAY_MS, deadMs = 30 * DAY_MS } = options.retention ?? {};
  const consumers = new Set<PollLoop>();
  const wake = () => {
    for (const consumer of consumers) consumer.wake();
  };

  const inbox: Inbox = {
    capabilities: store.capabilities,
    async add(entry) {
      const result = await store.add(entry);
      if (result === 'added') wake();
      return result;
    },
    consume(run: EntryProcessor, consume: ConsumeOptions): Consumer {
      const consumer = startPollLoop({
        ...consume,
        store,
        run,
        leaseDurationMs,
        pollIntervalMs: store.capabilities.shared ? pollIntervalMs : Infinity,
        clock,
      });
      consumers.add(consumer);
      const stopPurging = purgeRegularly(
        store,
        { doneMs, deadMs },
        cleanupIntervalMs,
        clock,
        consume.log,
      );
      return {
        async stop({ gracePeriodMs }) {
          stopPurging();
          await consumer.stop(gracePeriodMs);
          consumers.delete(consumer);
        },
      };
    },
    ...lookUpIn(store),
    async replay(key) {
      const replayed = await store.replay(key);
      wake();
      return replayed;
    },
  };
  const { open, promote, claimOne } = store;
  return {
    ...inbox,
    ...(open && { open: (log: Logger) => open(log) }),
    ...(promote && {
      async promote(key: EntryKey) {
        await promote(key);
        wake();
      },
    }),
    ...(claimOne && {
      attempt: (key: EntryKey, run: EntryProcessor, options: AttemptOptions) =>
        attemptOne(() => claimOne(key, leaseDurationMs), {
          ...options,
          store,
          run,
          leaseDurationMs,
          clock,
        }),
    }),
  };
}

/** What needs no more than the store. */
function lookUpIn(store: Store): Omit<EntryAdmin, 'replay'> {
  return {
    list: (query) => store.list(query),
    get: (key) => store.get(key),
    discard: (key) => store.discard(key),
    stats: () => store.stats(),
    close: () => store.close(),
  };
}

type CrewOfOne = Omit<CrewOptions, 'concurrency' | 'onFree'>;

async function attemptOne(
  claimIt: () => Promise<Claim | undefined>,
  options: CrewOfOne,
): Promise<AttemptHandle | undefined> {
  const heldSince = options.clock.now();
  const claim = await claimIt();
  if (claim === undefined) return undefined;
  const crew = createCrew({ ...options, concurrency: 1, onFree: () => undefined });
  crew.take(claim, heldSince);
  return { finished: crew.idle(), stop: ({ gracePeriodMs }) => crew.dismiss(gracePeriodMs) };
}

/** One purge after the other; a failed one is logged, and made good by the next. */
function purgeRegularly(
  store: Store,
  retention: Retention,
  periodMs: number,
  clock: Clock,
  log: Logger,
): () => void {
  let stopped = false;
  let cancel = clock.after(periodMs, () => void purge(), { background: true });

  async function purge(): Promise<void> {
    try {
      const entries = await store.deleteExpired(retention);
      if (entries > 0) log.debug({ entries }, 'purged entries past their retention');
    } catch (error) {
      log.warn(errorFields(error), 'the inbox could not be purged');
    }
    if (!stopped) cancel = clock.after(periodMs, () => void purge(), { background: true });
  }

  return () => {
    stopped = true;
    cancel();
  };
}
