import { withDeadline, type Clock } from './clock.ts';
import { errorFields, type Logger } from './logger.ts';
import type { Claim, Fence, Outcome, Store } from './inbox.ts';

/** A worker's hold on one entry: kept alive by a heartbeat until the entry is settled. */
export interface Lease {
  /** Whether somebody else may hold the entry by now. */
  isLost(): boolean;
  /** Takes over a later claim of the same entry: this worker overslept, and still runs it. */
  adopt(claim: Claim, heldSince: number): void;
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

/** @param heldSince when the claim was asked for, in milliseconds since 1970: its lease began then or later */
export function holdLease(claim: Claim, heldSince: number, options: LeaseOptions): Lease {
  const { store, leaseMs, clock, log, onLost } = options;
  const beatMs = leaseMs / HEARTBEATS;
  let fence: Fence = claim;
  let heldUntil = heldSince + leaseMs;
  let state: 'held' | 'lost' | 'stopped' = 'held';
  let cancel = clock.after(Math.min(beatMs, heldUntil - clock.now()), beat);
  let end: () => void = () => undefined;
  const ended = new Promise<false>((resolve) => (end = () => resolve(false)));

  function beat(): void {
    if (clock.now() >= heldUntil) {
      finish('lost'); // no heartbeat came through: others may claim the entry now
      return;
    }
    cancel = clock.after(Math.min(beatMs, heldUntil - clock.now()), beat);
    void extend(fence);
  }

  async function extend(shown: Fence): Promise<void> {
    const sentAt = clock.now();
    try {
      const extended = await store.extend(shown, leaseMs);
      if (extended) heldUntil = Math.max(heldUntil, sentAt + leaseMs);
      else if (shown === fence) finish('lost');
    } catch (error) {
      log.warn({ taskId: shown.taskId, ...errorFields(error) }, 'a lease could not be extended');
    }
  }

  function finish(how: 'lost' | 'stopped'): void {
    if (state !== 'held') return;
    state = how;
    cancel();
    end();
    if (how === 'lost') onLost();
  }

  return {
    isLost: () => state === 'lost',
    adopt(later, since) {
      fence = later;
      heldUntil = since + leaseMs;
    },
    async settle(outcome) {
      for (let mayBeRecorded = false; state === 'held'; mayBeRecorded = true) {
        try {
          const settled = await Promise.race([store.settle(fence, outcome), ended]);
          return settled || (mayBeRecorded && (await isRecorded(store, fence, outcome)));
        } catch (error) {
          log.warn({ taskId: fence.taskId, ...errorFields(error) }, 'an outcome was not recorded');
          await withDeadline(ended, beatMs / 2, clock);
        }
      }
      return false;
    },
    stop: () => finish('stopped'),
  };
}

/** After a settle whose answer was lost: a refusal may mean that it had gone through. */
async function isRecorded(store: Store, key: Fence, outcome: Outcome): Promise<boolean> {
  const entry = await store.get(key);
  return entry?.state === outcome.type; // done or dead; for the others nothing depends on it
}
