import { LATE, withDeadline, type Clock } from '../../shared/clock.ts';
import { createCrew } from './claim-pool.ts';
import type { Claim, ConsumeOptions, EntryProcessor, Store } from '../ports.ts';
import { errorFields } from '../../shared/logger.ts';

export interface PollLoopOptions extends ConsumeOptions {
  readonly store: Store;
  readonly run: EntryProcessor;
  readonly leaseDurationMs: number;
  /** Longest time between two looks at the store. */
  readonly pollIntervalMs: number;
  readonly clock: Clock;
}

export interface PollLoop {
  /** Says that there may be something to claim. */
  wake(): void;
  stop(gracePeriodMs: number): Promise<void>;
}

/** How long to leave a store alone that just failed. */
const STORE_BACKOFF_MS = 1000;

/** Claims entries of one endpoint for its crew, until it is stopped. */
export function startPollLoop(options: PollLoopOptions): PollLoop {
  const { store, endpoint, leaseDurationMs, pollIntervalMs, clock, log } = options;
  const alarm = createAlarm(clock);
  const crew = createCrew({ ...options, onFree: alarm.ring });
  let stopping = false;
  const unsubscribe = store.subscribe?.(endpoint, alarm.ring);
  const ended = loop();

  async function loop(): Promise<void> {
    while (!stopping) {
      const sleepMs = await claimAll().catch((error: unknown) => {
        log.error(errorFields(error), 'the inbox could not be read; trying again');
        return STORE_BACKOFF_MS;
      });
      await alarm.sleep(sleepMs);
    }
  }

  /** Takes as much as there is and as fits. Returns how long there will be nothing to do. */
  async function claimAll(): Promise<number> {
    for (;;) {
      const free = crew.free();
      if (stopping || free <= 0) return Infinity;
      const askedAt = clock.now(); // the leases began no earlier
      const claims = await claim(free);
      for (const claim of claims) crew.take(claim, askedAt);
      if (claims.length >= free) continue;
      return Math.min(pollIntervalMs, (await store.nextDueMs(endpoint)) ?? Infinity);
    }
  }

  /** A claim that outlasts its leases is of no use, and one that never returns stops everything. */
  async function claim(limit: number): Promise<Claim[]> {
    const message =
      'a claim takes longer than a lease: nothing is handled until the inbox is faster';
    const cancel = clock.after(leaseDurationMs, () => log.warn({ leaseDurationMs }, message));
    try {
      return await store.claim(endpoint, limit, leaseDurationMs);
    } finally {
      cancel();
    }
  }

  return {
    wake: alarm.ring,
    async stop(gracePeriodMs) {
      stopping = true;
      unsubscribe?.();
      alarm.ring();
      const deadline = clock.now() + gracePeriodMs;
      crew.takeNoMore();
      if ((await withDeadline(ended, gracePeriodMs, clock)) === LATE) {
        log.warn({}, 'the inbox did not come back from a claim; its leases will end by themselves');
      }
      await crew.dismiss(deadline - clock.now());
    },
  };
}

interface Alarm {
  /** Ends the present sleep, or else the next one at once. */
  ring(): void;
  sleep(ms: number): Promise<void>;
}

function createAlarm(clock: Clock): Alarm {
  let rung = false;
  let wakeUp: (() => void) | undefined;
  return {
    ring() {
      rung = true;
      wakeUp?.();
    },
    async sleep(ms) {
      if (!rung) {
        await new Promise<void>((resolve) => {
          const cancel = ms === Infinity ? undefined : clock.after(ms, resolve);
          wakeUp = () => {
            cancel?.();
            resolve();
          };
        });
      }
      rung = false;
      wakeUp = undefined;
    },
  };
}
