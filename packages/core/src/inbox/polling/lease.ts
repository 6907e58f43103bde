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
}

/** Two heartbeats may fail before the lease expires. */
const HEARTBEATS_PER_LEASE = 3;

/**
 * @param claimedAt when the claim was requested, on the monotonic clock: the lease began later
 * @param onDoubt called at least once, if the lease is lost or the store cannot confirm it in time
 */
export function holdLease(
  claim: Claim,
  claimedAt: number,
  options: LeaseOptions,
  onDoubt: () => void,
): Lease {
  return new HeldLease(claim, claimedAt, options, onDoubt);
}

/** A class, because one is made for each attempt: its methods are not made with each. */
class HeldLease implements Lease {
  private current: LeaseState = 'held';
  private shown: ClaimRef;
  private expiresAt: number;
  private checkedAt: number;
  /** Whether the last heartbeat has not been confirmed. */
  private isUnconfirmed = false;
  private cancelTimer: () => void;
  private waiting: ((value: false) => void)[] | undefined = undefined;
  private readonly options: LeaseOptions;
  private readonly onDoubt: () => void;

  constructor(claim: Claim, claimedAt: number, options: LeaseOptions, onDoubt: () => void) {
    this.options = options;
    this.onDoubt = onDoubt;
    this.shown = claim;
    this.expiresAt = claimedAt + options.leaseDurationMs;
    this.checkedAt = this.now();
    const heartbeatMs = Math.min(this.heartbeatMs(), this.expiresAt - this.checkedAt);
    this.cancelTimer = options.clock.after(heartbeatMs, () => this.heartbeat());
  }

  state(): LeaseState {
    return this.current;
  }

  claimRef(): ClaimRef {
    return this.shown;
  }

  ended(): Promise<false> {
    if (isOver(this.current)) return Promise.resolve(false);
    return new Promise((resolve) => (this.waiting ??= []).push(resolve));
  }

  adopt(later: Claim, laterClaimedAt: number): void {
    this.shown = later;
    this.expiresAt = laterClaimedAt + this.options.leaseDurationMs;
  }

  startSettling(): void {
    this.checkStall();
    if (this.current === 'held') this.current = 'settling';
  }

  confirm(): void | Promise<void> {
    return this.now() < this.expiresAt ? undefined : this.confirmExpired();
  }

  lose(): void {
    this.end('lost');
  }

  stop(): void {
    this.end('stopped');
  }

  private now(): number {
    return monotonicMs(this.options.clock);
  }

  private heartbeatMs(): number {
    return this.options.leaseDurationMs / HEARTBEATS_PER_LEASE;
  }

  private heartbeat(): void {
    this.checkStall();
    const heartbeatMs = this.heartbeatMs();
    const remainingMs = this.expiresAt - this.now();
    const delayMs = remainingMs > 0 ? Math.min(heartbeatMs, remainingMs) : heartbeatMs;
    this.cancelTimer = this.options.clock.after(delayMs, () => this.heartbeat());
    if (remainingMs > 0) void this.extend();
    else void this.confirmExpired();
  }

  private async extend(): Promise<void> {
    const { shown } = this;
    const sentAt = this.now();
    this.isUnconfirmed = true;
    const extended = await tryExtend(shown, this.options);
    if (extended === true) {
      this.expiresAt = Math.max(this.expiresAt, sentAt + this.options.leaseDurationMs);
      this.isUnconfirmed = false;
    } else if (extended === false && shown === this.shown && this.current === 'held') {
      this.end('lost');
    }
  }

  /**
   * The lease has expired by the clock of this process; only the store knows whether another worker
   * has claimed the entry. If earlier heartbeats were unconfirmed, the handlers are aborted at once.
   * If the process was suspended, the store is asked first.
   */
  private async confirmExpired(): Promise<void> {
    if (this.isUnconfirmed) this.onDoubt();
    await withDeadline(this.extend(), this.heartbeatMs(), this.options.clock);
    if (!isOver(this.current) && this.now() >= this.expiresAt) this.onDoubt();
  }

  private end(how: 'lost' | 'stopped'): void {
    if (isOver(this.current)) return;
    this.current = how;
    this.cancelTimer();
    for (const resolve of this.waiting ?? []) resolve(false);
    if (how === 'lost') this.onDoubt();
  }

  /** Between two checks lies a third of a lease at most. After a longer time no timer has fired. */
  private checkStall(): void {
    const { leaseDurationMs, log } = this.options;
    const now = this.now();
    const stalledMs = Math.round(now - this.checkedAt);
    this.checkedAt = now;
    if (stalledMs <= leaseDurationMs) return;
    const fields = { taskId: this.shown.taskId, stalledMs, leaseDurationMs };
    log.warn(fields, stalledMessage(stalledMs, leaseDurationMs));
  }
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
