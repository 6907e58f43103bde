import { withDeadline, type Clock } from '../../shared/clock.ts';
import { errorFields, type Logger } from '../../shared/logger.ts';
import { isPromise } from '../../shared/is-promise.ts';
import { describeHandlerName } from '../handler-name.ts';
import type { Claim, ClaimRef, Outcome, Store } from '../ports.ts';
import { isOver, type Lease } from './lease.ts';

export interface SettleOptions {
  readonly store: Store;
  readonly leaseDurationMs: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A failed settle is repeated six times per lease. */
const TRIES_PER_LEASE = 6;

/**
 * Records an outcome. Repeats until the store has answered or the lease is over. Tries also after
 * the lease has expired: the fencing token tells whether another worker has claimed the entry.
 *
 * @returns the claim under which the outcome was recorded; `null` if it was not recorded
 */
export async function settle(
  lease: Lease,
  outcome: Outcome,
  { store, leaseDurationMs, clock, log }: SettleOptions,
): Promise<ClaimRef | null> {
  lease.startSettling();
  for (let tries = 0; !isOver(lease.state()); tries += 1) {
    const claimRef = lease.claimRef();
    try {
      const recording = trySettle(store, claimRef, outcome, tries > 0);
      const recorded = isPromise(recording)
        ? await withDeadline(Promise.race([recording, lease.ended()]), leaseDurationMs, clock)
        : recording;
      if (recorded === true) return claimRef;
      // Refused. If this worker has claimed the entry again, the next try shows that claim.
      if (recorded === false && lease.claimRef() === claimRef) return null;
    } catch (error) {
      const fields = { taskId: claimRef.taskId, ...errorFields(error) };
      log.warn(fields, 'inbox: an outcome could not be recorded; trying again');
      await withDeadline(lease.ended(), leaseDurationMs / TRIES_PER_LEASE, clock);
    }
  }
  return null;
}

/**
 * After a refused settle: another worker has the entry, and must not run again what has succeeded.
 * Never rejects.
 */
export async function recordSuccesses(
  claim: Claim,
  outcome: Outcome,
  { store, log }: Pick<SettleOptions, 'store' | 'log'>,
): Promise<void> {
  const { taskId } = claim;
  const { type, succeededHandlers = [] } = outcome;
  try {
    const isRecorded =
      succeededHandlers.length > 0 && (await store.recordSucceeded?.(claim, succeededHandlers));
    const fields = {
      taskId,
      outcome: type,
      succeededHandlers: succeededHandlers.map(describeHandlerName),
    };
    log.warn(fields, isRecorded === true ? SUCCESSES_RECORDED : NOT_RECORDED);
  } catch (error) {
    log.warn({ taskId, outcome: type, ...errorFields(error) }, NOT_RECORDED);
  }
}

const NOT_RECORDED = 'inbox: the lease was lost, so the outcome of the attempt was not recorded';
const SUCCESSES_RECORDED =
  'inbox: the lease was lost, so only the succeeded handlers of the attempt were recorded. They do ' +
  'not run again.';

/** If a repeat is refused, the first try may have been recorded although its answer was lost. */
function trySettle(
  store: Store,
  claimRef: ClaimRef,
  outcome: Outcome,
  isRepeat: boolean,
): boolean | Promise<boolean> {
  const settling = store.settle(claimRef, outcome);
  if (!isRepeat) return settling;
  return confirmRepeat(settling, store, claimRef, outcome);
}

async function confirmRepeat(
  settling: boolean | Promise<boolean>,
  store: Store,
  claimRef: ClaimRef,
  outcome: Outcome,
): Promise<boolean> {
  if (await settling) return true;
  // `done` and `dead` are visible in the state. For `retry` and `released` nothing depends on it.
  return (await store.get(claimRef))?.state === outcome.type;
}
