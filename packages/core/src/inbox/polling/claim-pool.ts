import { LATE, monotonicMs, withDeadline, type Clock } from '../../shared/clock.ts';
import { WebhookError } from '../../shared/errors.ts';
import { createInFlight } from '../../shared/in-flight.ts';
import { createLazyAbort, type LazyAbort } from '../../shared/lazy-abort.ts';
import { errorFields, type Logger } from '../../shared/logger.ts';
import type { Claim, Entry, EntryProcessor, Outcome, RunInTransaction, Store } from '../ports.ts';
import { toLazyProcessor } from '../entry-processor.ts';
import { isExpectation } from '../expectation.ts';
import {
  abortQuestions,
  closing,
  freeIn,
  hasTakeover,
  isDue,
  isSameEvent,
  runsAlone,
  type RunningClaim,
  type Settled,
} from './running-claims.ts';
import { holdLease, type Lease } from './lease.ts';
import { recordSuccesses, settle } from './settle.ts';

export interface ClaimPoolOptions {
  readonly store: Store;
  readonly run: EntryProcessor;
  readonly concurrency: number;
  readonly leaseDurationMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onSettled: (entry: Entry, outcome: Outcome) => void;
  /**
   * Called when an attempt has ended, and there is room for another claim.
   *
   * @param mayBeDue whether the entry may be due again, or soon
   */
  readonly onFree: (mayBeDue: boolean) => void;
}

/** Runs the claims of one consumer, each under its lease. */
export interface ClaimPool {
  /** How many more events fit; 0 beside a takeover, which runs alone. Expectations take no room. */
  free(): number;
  /** @param claimedAt when the claim was requested, on the monotonic clock */
  take(claim: Claim, claimedAt: number): void;
  /** Resolves when no claim runs. */
  idle(): Promise<void>;
  /** From now on new claims are released. */
  close(): void;
  /** Resolves when the leases that were given back are released, or after 1 s. */
  released(): Promise<unknown>;
  /**
   * Waits for running claims, aborts the rest after `gracePeriodMs` (with 0 before it returns) and
   * releases their leases 1 s later. A later call completes an earlier one whose timer has not fired.
   */
  stop(gracePeriodMs: number): Promise<void>;
}

/** Milliseconds for aborted handlers to end before their leases are released. */
export const ABORT_TIMEOUT_MS = 1000;

export function createClaimPool(options: ClaimPoolOptions): ClaimPool {
  const { store, leaseDurationMs, clock } = options;
  const running = new Map<string, RunningClaim>();
  const releases = createInFlight(clock);
  let isClosed = false;

  const giveBack = (claim: Claim, delayMs: number) =>
    void releases.track(release(claim, store, delayMs).then(() => options.onFree(true)));

  function take(claim: Claim, claimedAt: number): void {
    const current = running.get(claim.taskId);
    const isExpired = monotonicMs(clock) >= claimedAt + leaseDurationMs; // another worker may have it
    if (isExpired) giveBack(claim, 0);
    else if (current !== undefined) takeBeside(current, claim, claimedAt);
    else if (isClosed || (hasTakeover(running) && !runsAlone(claim))) giveBack(claim, 0);
    else start(claim, claimedAt);
  }

  function start(claim: Claim, claimedAt: number): void {
    const abort = createLazyAbort();
    const onDoubt = () => abort.abort(new WebhookError('lease_lost', 'the lease was lost'));
    const lease = holdLease(claim, claimedAt, options, onDoubt);
    const turn = runsAlone(claim) ? idle() : undefined;
    const finished = attempt(claim, lease, abort, turn, options).then((settled) =>
      finish(self, settled),
    );
    const self: RunningClaim = { claim, lease, abort, finished, later: null };
    running.set(claim.taskId, self);
  }

  function finish({ claim, lease, later }: RunningClaim, settled: Settled | null): void {
    lease.stop();
    running.delete(claim.taskId);
    if (later && isDue(claim, settled, later.claim)) take(later.claim, later.claimedAt);
    options.onFree(settled?.outcome.type !== 'done');
  }

  /** Handles a claim of an entry that this process still runs. */
  function takeBeside(current: RunningClaim, claim: Claim, claimedAt: number): void {
    if (isExpectation(current.claim) && !isExpectation(claim)) {
      current.later = { claim, claimedAt }; // a result: no handler runs that it would run beside
      current.lease.lose();
      return;
    }
    if (current.lease.state() !== 'lost' && isSameEvent(current.claim, claim)) {
      // Either the process was suspended and its lease expired, or the outcome was just recorded
      // and the entry is due again. The settle of the current attempt tells which.
      current.lease.adopt(claim, claimedAt);
      current.later = { claim, claimedAt };
      return;
    }
    // Another event replaced the running one, or another worker had the entry meanwhile. The new
    // claim must not run beside the handlers that still run.
    current.lease.lose();
    giveBack(claim, leaseDurationMs);
  }

  const idle = () =>
    Promise.all([...running.values()].map(({ finished }) => finished)).then(() => undefined);

  return {
    free: () => freeIn(running, options.concurrency),
    take,
    idle,
    close() {
      isClosed = true;
      abortQuestions(running);
    },
    released: () => withDeadline(releases.idle(), ABORT_TIMEOUT_MS, clock),
    stop: createStop(running, idle, options),
  };
}

/** Without a grace period, `stop` aborts before it returns: on some runtimes no timer fires later. */
function createStop(
  running: ReadonlyMap<string, RunningClaim>,
  idle: () => Promise<void>,
  { store, clock, log }: ClaimPoolOptions,
): ClaimPool['stop'] {
  let abortedAt: number | undefined;
  return async function stop(gracePeriodMs) {
    if (gracePeriodMs > 0 && (await withDeadline(idle(), gracePeriodMs, clock)) !== LATE) return;
    abortedAt ??= monotonicMs(clock);
    for (const { abort } of running.values()) {
      abort.abort(closing());
    }
    const leftMs = abortedAt + ABORT_TIMEOUT_MS - monotonicMs(clock);
    if (leftMs > 0 && (await withDeadline(idle(), leftMs, clock)) !== LATE) return;
    const left = [...running.values()];
    if (left.length === 0) return;
    log.warn({ entries: left.length }, IGNORED_SIGNAL);
    await withDeadline(releaseAll(left, store), ABORT_TIMEOUT_MS, clock);
    for (const { lease } of left) lease.stop();
  };
}

const IGNORED_SIGNAL =
  'inbox: handlers ignored their signal for 1 s. Their leases are released, so their entries may ' +
  'run again beside them. Pass the signal to everything that a handler awaits; when closing, end ' +
  'the process.';

async function attempt(
  claim: Claim,
  lease: Lease,
  abort: LazyAbort,
  turn: Promise<void> | undefined,
  options: ClaimPoolOptions,
): Promise<Settled | null> {
  const { run, onSettled, log } = options;
  const { taskId } = claim;
  abort.settleDoubt = () => lease.confirm();
  try {
    if (turn !== undefined) await turn;
    const outcome = await toLazyProcessor(run)(
      claim,
      abort,
      transactionsUnder(lease, options.store),
    );
    const claimRef = await settle(lease, outcome, options);
    if (claimRef !== null) onSettled(claim, outcome);
    else if (!isExpectation(claim)) await recordSuccesses(claim, outcome, options);
    return claimRef && { claimRef, outcome };
  } catch (error) {
    const fields = { taskId, ...errorFields(error) };
    const message =
      'inbox: an attempt failed unexpectedly. The entry is claimed again when its lease expires.';
    log.error(fields, message);
    return null;
  }
}

/** Shows the current claim of the lease, which may have adopted a later one. */
function transactionsUnder(lease: Lease, store: Store): RunInTransaction | undefined {
  // Bound: a store may be an object of a class.
  const transaction = store.transaction?.bind(store);
  return transaction && ((handler, work) => transaction(lease.claimRef(), handler, work));
}

async function release(claim: Claim, store: Store, delayMs: number): Promise<void> {
  const { succeededHandlers } = claim;
  try {
    await store.settle(claim, { type: 'released', delayMs, succeededHandlers });
  } catch {
    // The lease expires instead.
  }
}

/** For handlers that ignore their signal. What they settle later is refused. */
async function releaseAll(claims: readonly RunningClaim[], store: Store): Promise<void> {
  await Promise.all(
    claims.map(({ claim, lease }) => release({ ...claim, ...lease.claimRef() }, store, 0)),
  );
}
