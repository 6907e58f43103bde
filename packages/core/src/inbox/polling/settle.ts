import { withDeadline, type Clock } from '../../shared/clock.ts';
import type { ClaimRef, Outcome, Store } from '../ports.ts';
import type { Lease } from './lease.ts';
import { errorFields, type Logger } from '../../shared/logger.ts';

export interface SettleOptions {
  readonly store: Store;
  readonly leaseDurationMs: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Records an outcome, trying again until the store has answered or the lease is over. A lease that
 * has only run out is tried as well: the fence tells whether somebody took the entry.
 *
 * @returns the fence under which it was recorded; `null` when it was not
 */
export async function settle(
  lease: Lease,
  outcome: Outcome,
  { store, leaseDurationMs, clock, log }: SettleOptions,
): Promise<ClaimRef | null> {
  lease.beginSettling();
  for (let tries = 0; !lease.isOver(); tries += 1) {
    const claimRef = lease.fence();
    try {
      const asked = ask(store, claimRef, outcome, tries > 0);
      const answer = await withDeadline(Promise.race([asked, lease.ended]), leaseDurationMs, clock);
      if (answer === true) return claimRef;
      // Refused, unless this worker has claimed it again itself: then under that fence.
      if (answer === false && lease.fence() === claimRef) return null;
    } catch (error) {
      log.warn(
        { taskId: claimRef.taskId, ...errorFields(error) },
        'an outcome was not recorded yet',
      );
      await withDeadline(lease.ended, leaseDurationMs / 6, clock);
    }
  }
  return null;
}

/** On a repeat, a refusal may mean that the try before had gone through and its answer was lost. */
async function ask(
  store: Store,
  claimRef: ClaimRef,
  outcome: Outcome,
  isRepeat: boolean,
): Promise<boolean> {
  if (await store.settle(claimRef, outcome)) return true;
  // Done and dead can be told apart from before; for the others nothing depends on it.
  return isRepeat && (await store.get(claimRef))?.state === outcome.type;
}
