import { LATE, withDeadline, type Clock } from '../../shared/clock.ts';
import { WebhookError } from '../../shared/errors.ts';
import type {
  Claim,
  Entry,
  ClaimRef,
  Outcome,
  EntryProcessor,
  Store,
  RunInTransaction,
} from '../ports.ts';
import { holdLease, type Lease } from './lease.ts';
import { errorFields, type Logger } from '../../shared/logger.ts';
import { settle } from './settle.ts';

export interface CrewOptions {
  readonly store: Store;
  readonly run: EntryProcessor;
  readonly concurrency: number;
  readonly leaseDurationMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onSettled: (entry: Entry, outcome: Outcome) => void;
  /** Called when an entry is finished, and there is room for another. */
  readonly onFree: () => void;
}

/** Runs the claims of one consumer, each under its lease. */
export interface Crew {
  /** How many more claims it can take. */
  free(): number;
  /** @param heldSince when the claim was asked for, in milliseconds since 1970 */
  take(claim: Claim, heldSince: number): void;
  /** Resolves when nothing runs. */
  idle(): Promise<void>;
  /** Claims that still come in are given back. */
  takeNoMore(): void;
  /** Waits for what runs, aborts what is left after `gracePeriodMs`, gives the leases back. */
  dismiss(gracePeriodMs: number): Promise<void>;
}

interface Running {
  readonly claim: Claim;
  /** Another claim of the same entry by this worker, made meanwhile. */
  later: { readonly claim: Claim; readonly heldSince: number } | null;
  readonly lease: Lease;
  readonly controller: AbortController;
  readonly finished: Promise<void>;
}

/** How long aborted handlers have to come to an end before their leases are given back. */
const LAST_CALL_MS = 1000;

export function createCrew(options: CrewOptions): Crew {
  const { store, leaseDurationMs, clock, log } = options;
  const running = new Map<string, Running>();
  let closing = false;

  function start(claim: Claim, heldSince: number): void {
    const controller = new AbortController();
    const onDoubt = () => controller.abort(new WebhookError('lease_lost', 'the lease was lost'));
    const lease = holdLease(claim, heldSince, { store, leaseDurationMs, clock, log, onDoubt });
    const finished = attempt(claim, lease, controller.signal, options).then((recorded) => {
      lease.stop();
      running.delete(claim.taskId);
      const { later } = mine;
      // The outcome made the entry due again, and it was claimed before the answer had come.
      if (later && recorded && recorded.fencingToken !== later.claim.fencingToken) {
        take(later.claim, later.heldSince);
      }
      options.onFree();
    });
    const mine: Running = { claim, lease, controller, finished, later: null };
    running.set(claim.taskId, mine);
  }

  function take(claim: Claim, heldSince: number): void {
    const mine = running.get(claim.taskId);
    // The answer came so late that somebody else may have the entry by now.
    if (clock.now() >= heldSince + leaseDurationMs) void giveBack(claim, store, 0);
    else if (mine === undefined && closing) void giveBack(claim, store, 0);
    else if (mine === undefined) start(claim, heldSince);
    // Either a lease of ours ended unnoticed, since this process overslept, and it still runs the
    // event; or its outcome has just been recorded. Which one it is will be seen when it settles.
    else if (!mine.lease.isLost() && isSameEvent(mine.claim, claim)) {
      mine.lease.adopt(claim, heldSince);
      mine.later = { claim, heldSince };
    } else {
      // Another event has taken the place of the one that runs, or somebody else had it in the
      // meantime. What runs here was told to stop; until it has, nothing is run beside it.
      mine.lease.lose();
      void giveBack(claim, store, leaseDurationMs);
    }
  }

  async function allFinished(): Promise<void> {
    await Promise.all([...running.values()].map(({ finished }) => finished));
  }

  return {
    free: () => options.concurrency - running.size,
    take,
    idle: allFinished,
    takeNoMore() {
      closing = true;
    },
    async dismiss(gracePeriodMs) {
      if ((await withDeadline(allFinished(), gracePeriodMs, clock)) !== LATE) return;
      for (const { controller } of running.values()) {
        controller.abort(new WebhookError('closing', 'the receiver is closing'));
      }
      if ((await withDeadline(allFinished(), LAST_CALL_MS, clock)) !== LATE) return;
      log.warn(
        { entries: running.size },
        'handlers ignored their signal; giving their leases back',
      );
      const left = [...running.values()];
      await withDeadline(releaseAll(left, options), LAST_CALL_MS, clock);
      for (const { lease } of left) lease.stop(); // no heartbeat outlives the crew
    },
  };
}

async function attempt(
  claim: Claim,
  lease: Lease,
  signal: AbortSignal,
  options: CrewOptions,
): Promise<ClaimRef | null> {
  const { run, onSettled, log } = options;
  const { taskId } = claim;
  try {
    const outcome = await run(claim, signal, transactUnder(lease, options.store));
    const recorded = await settle(lease, outcome, options);
    if (recorded !== null) onSettled(claim, outcome);
    else
      log.warn({ taskId, outcome: outcome.type }, 'the lease was lost; the outcome does not count');
    return recorded;
  } catch (error) {
    log.error({ taskId, ...errorFields(error) }, 'an attempt broke; its lease will end by itself');
    return null;
  }
}

/** Shows the fence of the moment: the lease may have adopted a later claim. */
function transactUnder(lease: Lease, store: Store): RunInTransaction | undefined {
  const { transaction } = store;
  return transaction && ((handler, work) => transaction(lease.fence(), handler, work));
}

/** A drifted event gives way to one that fits, under the same key. */
function isSameEvent(one: Claim, other: Claim): boolean {
  return one.body === other.body && one.schemaError === other.schemaError;
}

async function giveBack(claim: Claim, store: Store, delayMs: number): Promise<void> {
  const { succeededHandlers } = claim;
  try {
    await store.settle(claim, { type: 'released', delayMs, succeededHandlers });
  } catch {
    // Then the lease ends by itself.
  }
}

/** For handlers that do not listen to their signal. What they settle later is refused. */
async function releaseAll(left: readonly Running[], options: CrewOptions): Promise<void> {
  await Promise.all(
    left.map(({ claim: { succeededHandlers }, lease }) =>
      settle(lease, { type: 'released', delayMs: 0, succeededHandlers }, options),
    ),
  );
}
