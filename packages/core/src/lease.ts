import type { Clock } from './clock.ts';
import { errorFields, type Logger } from './logger.ts';
import type { Claim, Fence, Outcome, Store } from './inbox.ts';

/** A worker's hold on one entry: kept alive by a heartbeat until the entry is settled. */
export interface Lease {
  /** Whether somebody else may hold the entry by now. */
  isLost(): boolean;
  /** Takes over a later claim of the same entry: this worker overslept, and still runs it. */
  adopt(claim: Claim): void;
  /** Records the outcome, trying again while the lease holds. Whether it was recorded. */
  settle(outcome: Outcome): Promise<boolean>;
  /** Ends the heartbeat. */
  stop(): void;
}

export interface LeaseOptions {
  readonly store: Store;
  readonly leaseMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called once, when the lease is lost. */
  readonly onLost: () => void;
}

/** Three heartbeats per lease: two may fail before it ends. */
const HEARTBEATS = 3;

export function holdLease(claim: Claim, options: LeaseOptions): Lease {
  const { store, leaseMs, clock, log, onLost } = options;
  let fence: Fence = claim;
  let heldUntil = clock.now() + leaseMs;
  let state: 'held' | 'lost' | 'stopped' = 'held';
  let cancel = clock.after(leaseMs / HEARTBEATS, beat);
  let end: () => void = () => undefined;
  const ended = new Promise<false>((resolve) => (end = () => resolve(false)));

  function beat(): void {
    if (clock.now() >= heldUntil) {
      lose(); // no heartbeat came through: others may claim the entry now
      return;
    }
    cancel = clock.after(leaseMs / HEARTBEATS, beat);
    void extend(fence);
  }

  async function extend(shown: Fence): Promise<void> {
    const sentAt = clock.now();
    try {
      const extended = await store.extend(shown, leaseMs);
      if (extended) heldUntil = Math.max(heldUntil, sentAt + leaseMs);
      else if (shown === fence) lose();
    } catch (error) {
      log.warn({ taskId: shown.taskId, ...errorFields(error) }, 'a lease could not be extended');
    }
  }

  function lose(): void {
    if (state !== 'held') return;
    state = 'lost';
    cancel();
    end();
    onLost();
  }

  return {
    isLost: () => state === 'lost',
    adopt(later) {
      fence = later;
      heldUntil = clock.now() + leaseMs;
    },
    async settle(outcome) {
      while (state === 'held') {
        try {
          return await Promise.race([store.settle(fence, outcome), ended]);
        } catch (error) {
          log.warn({ taskId: fence.taskId, ...errorFields(error) }, 'an outcome was not recorded');
          await Promise.race([pause(clock, leaseMs / HEARTBEATS / 2), ended]);
        }
      }
      return false;
    },
    stop() {
      if (state === 'held') state = 'stopped';
      cancel();
      end();
    },
  };
}

function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(ms, resolve);
  });
}
