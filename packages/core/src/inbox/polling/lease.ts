import { withDeadline, type Clock } from '../../shared/clock.ts';
import { errorFields, type Logger } from '../../shared/logger.ts';
import type { Claim, ClaimRef, Store } from '../ports.ts';

/** A worker's hold on one entry, kept alive by a heartbeat until it is lost or stopped. */
export interface Lease {
  /** What settling has to show. */
  fence(): ClaimRef;
  /** Whether the store said that somebody else has the entry. */
  isLost(): boolean;
  /** Whether it is lost or stopped. */
  isOver(): boolean;
  /** Resolves when it is over. */
  readonly ended: Promise<false>;
  /** Takes over a later claim of the same event: this worker overslept, and still runs it. */
  adopt(claim: Claim, heldSince: number): void;
  /** From now on a refused heartbeat is no loss: the settle has spent the fence. */
  beginSettling(): void;
  /** Gives the entry up: it is not what was claimed any more. */
  lose(): void;
  /** Ends the heartbeat. */
  stop(): void;
}

export interface LeaseOptions {
  readonly store: Store;
  readonly leaseDurationMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called once: the lease is lost, or the store cannot be asked whether it is. */
  readonly onDoubt: () => void;
}

/** Three heartbeats per lease: two may fail before it ends. */
const HEARTBEATS = 3;

/**
 * @param heldSince when the claim was asked for, in milliseconds since 1970: its lease began then
 * or later
 */
export function holdLease(claim: Claim, heldSince: number, options: LeaseOptions): Lease {
  const { leaseDurationMs, clock, onDoubt } = options;
  const beatMs = leaseDurationMs / HEARTBEATS;
  let claimRef: ClaimRef = claim;
  let heldUntil = heldSince + leaseDurationMs;
  let state: 'held' | 'settling' | 'lost' | 'stopped' = 'held';
  let doubted = false;
  /** Whether a heartbeat is without a good answer. */
  let isUnanswered = false;
  let cancel = clock.after(Math.min(beatMs, heldUntil - clock.now()), beat);
  let end: () => void = () => undefined;
  const ended = new Promise<false>((resolve) => (end = () => resolve(false)));
  const isOver = () => state === 'lost' || state === 'stopped';

  function beat(): void {
    const left = heldUntil - clock.now();
    cancel = clock.after(left > 0 ? Math.min(beatMs, left) : beatMs, beat);
    if (left > 0) void extend();
    else void confirm();
  }

  async function extend(): Promise<void> {
    const shown = claimRef;
    const sentAt = clock.now();
    isUnanswered = true;
    const extended = await ask(shown, options);
    if (extended === true) {
      heldUntil = Math.max(heldUntil, sentAt + leaseDurationMs);
      isUnanswered = false;
    } else if (extended === false && shown === claimRef && state === 'held') finish('lost');
  }

  /**
   * Our clock says that the lease has ended, but only the store knows whether anybody took it. Who
   * overslept asks; who was awake has asked already, and must stop when others may begin.
   */
  async function confirm(): Promise<void> {
    if (isUnanswered) doubt();
    await withDeadline(extend(), beatMs, clock);
    if (!isOver() && clock.now() >= heldUntil) doubt();
  }

  function doubt(): void {
    if (!doubted) onDoubt();
    doubted = true;
  }

  function finish(how: 'lost' | 'stopped'): void {
    if (isOver()) return;
    state = how;
    cancel();
    end();
    if (how === 'lost') doubt();
  }

  return {
    fence: () => claimRef,
    isLost: () => state === 'lost',
    isOver,
    ended,
    adopt(later, since) {
      claimRef = later;
      heldUntil = since + leaseDurationMs;
    },
    lose: () => finish('lost'),
    beginSettling() {
      if (state === 'held') state = 'settling';
    },
    stop: () => finish('stopped'),
  };
}

/** Whether the fence is still valid; `undefined` when the store does not say. */
async function ask(
  claimRef: ClaimRef,
  { store, leaseDurationMs, log }: LeaseOptions,
): Promise<boolean | undefined> {
  try {
    return await store.extend(claimRef, leaseDurationMs);
  } catch (error) {
    log.warn({ taskId: claimRef.taskId, ...errorFields(error) }, 'a lease could not be extended');
    return undefined;
  }
}
