import { systemClock, type Clock } from './clock.ts';
import { startConsumer, type Consumer } from './consumer.ts';
import { WebhookError } from './errors.ts';
import type { ConsumeOptions, Consumption, Inbox, Retention, Run, Store } from './inbox.ts';
import { errorFields, type Logger } from './logger.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

/** How a store is consumed, and for how long it remembers. */
export interface PollingInboxOptions {
  /**
   * How long a claim holds before others may take the entry over, in milliseconds; default 30 s.
   * Extended for as long as the handlers run, so it is no limit on them.
   */
  readonly leaseMs?: number | undefined;
  /**
   * Longest time between two looks at a store that other processes add to, in milliseconds;
   * default 1 s. What this process adds is taken up at once.
   */
  readonly pollMs?: number | undefined;
  /** Default: done entries 7 days, dead letters 30 days. */
  readonly retention?: Partial<Retention> | undefined;
  /** Time between two purges, in milliseconds; default 1 minute. */
  readonly purgeMs?: number | undefined;
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
export function pollingInbox(store: Store, options: PollingInboxOptions = {}): Inbox {
  const { leaseMs = 30_000, pollMs = 1000, purgeMs = 60_000, clock = systemClock } = options;
  const { doneMs = 7 * DAY_MS, deadMs = 30 * DAY_MS } = options.retention ?? {};
  for (const [name, ms] of Object.entries({ leaseMs, pollMs, purgeMs, doneMs, deadMs })) {
    requireDuration(name, ms);
  }
  const consumers = new Set<Consumer>();
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
    consume(run: Run, consume: ConsumeOptions): Consumption {
      const consumer = startConsumer({
        ...consume,
        store,
        run,
        leaseMs,
        pollMs: store.capabilities.shared ? pollMs : Infinity,
        clock,
      });
      consumers.add(consumer);
      const stopPurging = purgeRegularly(store, { doneMs, deadMs }, purgeMs, clock, consume.log);
      return {
        async stop({ graceMs }) {
          stopPurging();
          await consumer.stop(graceMs);
          consumers.delete(consumer);
        },
      };
    },
    list: (query) => store.list(query),
    get: (key) => store.get(key),
    async replay(key) {
      const replayed = await store.replay(key);
      wake();
      return replayed;
    },
    discard: (key) => store.discard(key),
    stats: () => store.stats(),
    close: () => store.close(),
  };
  const { hurry } = store;
  if (hurry === undefined) return inbox;
  return {
    ...inbox,
    async hurry(key) {
      await hurry(key);
      wake();
    },
  };
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
      const entries = await store.purge(retention);
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

function requireDuration(name: string, ms: number): void {
  if (!(ms > 0)) {
    throw new WebhookError('invalid_option', `inbox: ${name} must be milliseconds above 0`);
  }
}
