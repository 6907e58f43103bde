import { monotonicMs, withDeadline, type Clock } from '../../shared/clock.ts';
import { errorFields, type Logger } from '../../shared/logger.ts';
import type { Claim, ClaimRef, Store } from '../ports.ts';

/**
 * `held`: heartbeats extend it. `settling`: an outcome is being recorded, so a refused heartbeat may
 * only mean that the settle has used the fencing token. `lost`: another worker has the entry.
 * `stopped`: the attempt has ended.
 */
export type LeaseState = 'held' | 'settling' | 'lost' | 'stopped';

/** A worker's lease of one entry. Heartbeats extend it until it is lost or stopped. */
export interface Lease {
  state(): LeaseState;
  /** What a settle has to show. Changes when the lease adopts a later claim. */
  claimRef(): ClaimRef;
  /** Resolves when the state is `lost` or `stopped`. Created for the few that wait for it. */
  ended(): Promise<false>;
  /**
   * Continues under a later claim of the same event: this process was suspended for longer than its
   * lease, claimed the entry again, and the handlers of the first claim still run.
   *
   * @param claimedAt when that claim was requested, on the monotonic clock
   */
  adopt(claim: Claim, claimedAt: number): void;
  startSettling(): void;
  /**
   * Asks the store if the lease has expired by the clock of this process, which may have stood still.
   * Called before each handler. Resolves when `onDoubt` was called, or the lease is held.
   */
  confirm(): void | Promise<void>;
  /** Gives the lease up: the entry is no longer the event that was claimed. */
  lose(): void;
  /** Ends the heartbeats. */
  stop(): void;
}

export interface LeaseOptions {
  readonly store: Store;
  readonly leaseDurationMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called at least once, if the lease is lost or the store cannot confirm it in time. */
  readonly onDoubt: () => void;
}

/** Two heartbeats may fail before the lease expires. */
const HEARTBEATS_PER_LEASE = 3;

/** @param claimedAt when the claim was requested, on the monotonic clock: the lease began later */
export function holdLease(claim: Claim, claimedAt: number, options: LeaseOptions): Lease {
  const { leaseDurationMs, clock, onDoubt } = options;
  const heartbeatMs = leaseDurationMs / HEARTBEATS_PER_LEASE;
  let claimRef: ClaimRef = claim;
  let expiresAt = claimedAt + leaseDurationMs;
  let state: LeaseState = 'held';
  /** Whether the last heartbeat has not been confirmed. */
  let isUnconfirmed = false;
  const stalls = watchStalls(claim.taskId, options);
  let cancelTimer = clock.after(Math.min(heartbeatMs, expiresAt - monotonicMs(clock)), heartbeat);
  const waiting: ((value: false) => void)[] = [];

  function heartbeat(): void {
    stalls.check();
    const remainingMs = expiresAt - monotonicMs(clock);
    const delayMs = remainingMs > 0 ? Math.min(heartbeatMs, remainingMs) : heartbeatMs;
    cancelTimer = clock.after(delayMs, heartbeat);
    if (remainingMs > 0) void extend();
    else void confirmExpired();
  }

  async function extend(): Promise<void> {
    const shown = claimRef;
    const sentAt = monotonicMs(clock);
    isUnconfirmed = true;
    const extended = await tryExtend(shown, options);
    if (extended === true) {
      expiresAt = Math.max(expiresAt, sentAt + leaseDurationMs);
      isUnconfirmed = false;
    } else if (extended === false && shown === claimRef && state === 'held') end('lost');
  }

  /**
   * The lease has expired by the clock of this process; only the store knows whether another worker
   * has claimed the entry. If earlier heartbeats were unconfirmed, the handlers are aborted at once.
   * If the process was suspended, the store is asked first.
   */
  async function confirmExpired(): Promise<void> {
    if (isUnconfirmed) onDoubt();
    await withDeadline(extend(), heartbeatMs, clock);
    if (!isOver(state) && monotonicMs(clock) >= expiresAt) onDoubt();
  }

  function end(how: 'lost' | 'stopped'): void {
    if (isOver(state)) return;
    state = how;
    cancelTimer();
    for (const resolve of waiting) resolve(false);
    if (how === 'lost') onDoubt();
  }

  return {
    state: () => state,
    claimRef: () => claimRef,
    ended: () =>
      isOver(state) ? Promise.resolve(false) : new Promise((resolve) => waiting.push(resolve)),
    adopt(later, laterClaimedAt) {
      claimRef = later;
      expiresAt = laterClaimedAt + leaseDurationMs;
    },
    startSettling() {
      stalls.check();
      if (state === 'held') state = 'settling';
    },
    confirm: () => (monotonicMs(clock) < expiresAt ? undefined : confirmExpired()),
    lose: () => end('lost'),
    stop: () => end('stopped'),
  };
}

/** Between two checks lies a third of a lease at most. After a longer time no timer has fired. */
function watchStalls(taskId: string, { leaseDurationMs, clock, log }: LeaseOptions) {
  let checkedAt = monotonicMs(clock);
  return {
    check(): void {
      const stalledMs = Math.round(monotonicMs(clock) - checkedAt);
      checkedAt = monotonicMs(clock);
      if (stalledMs <= leaseDurationMs) return;
      const fields = { taskId, stalledMs, leaseDurationMs };
      log.warn(fields, stalledMessage(stalledMs, leaseDurationMs));
    },
  };
}

function stalledMessage(stalledMs: number, leaseDurationMs: number): string {
  return (
    `inbox: the event loop stood still for ${stalledMs} ms, longer than the lease of ` +
    `${leaseDurationMs} ms. Another worker may have run the entry at the same time. Move long ` +
    'computations to a worker thread, or raise leaseDurationMs.'
  );
}

/** Whether nothing can be recorded under the lease any more. */
export function isOver(state: LeaseState): boolean {
  return state === 'lost' || state === 'stopped';
}

/** Whether the fencing token is still valid; `undefined` if the store does not answer. */
async function tryExtend(
  claimRef: ClaimRef,
  { store, leaseDurationMs, log }: LeaseOptions,
): Promise<boolean | undefined> {
  try {
    return await store.extend(claimRef, leaseDurationMs);
  } catch (error) {
    const fields = { taskId: claimRef.taskId, ...errorFields(error) };
    log.warn(fields, 'inbox: a lease could not be extended; the next heartbeat tries again');
    return undefined;
  }
}
