import { WebhookError } from '../../shared/errors.ts';
import type { LazyAbort } from '../../shared/lazy-abort.ts';
import { isExpectation } from '../expectation.ts';
import type { Claim, ClaimRef, Outcome } from '../ports.ts';
import type { Lease } from './lease.ts';

/** A claim whose attempt runs. */
export interface RunningClaim {
  readonly claim: Claim;
  /** A claim of the same entry that this worker made while the first one was running. */
  later: { readonly claim: Claim; readonly claimedAt: number } | null;
  readonly lease: Lease;
  readonly abort: LazyAbort;
  readonly finished: Promise<void>;
}

/** An outcome, and the claim under which it was recorded. */
export interface Settled {
  readonly claimRef: ClaimRef;
  readonly outcome: Outcome;
}

type RunningClaims = ReadonlyMap<string, RunningClaim>;

/** How many more events fit; 0 beside a takeover. */
export function freeIn(running: RunningClaims, concurrency: number): number {
  let free = concurrency;
  for (const { claim, later } of running.values()) {
    if (runsAlone(claim)) return 0;
    // No handler runs on an expectation, but one will run on the result that has come for it.
    if (!isExpectation(claim) || (later !== null && !isExpectation(later.claim))) free -= 1;
  }
  return free;
}

export function hasTakeover(running: RunningClaims): boolean {
  for (const { claim } of running.values()) if (runsAlone(claim)) return true;
  return false;
}

/** The handlers of a takeover may have crashed its last process. */
export function runsAlone(claim: Claim): boolean {
  return claim.isTakeover === true && !isExpectation(claim);
}

/** What is asked need not be waited for: it is asked again. */
export function abortQuestions(running: RunningClaims): void {
  for (const { claim, abort } of running.values()) {
    if (isExpectation(claim)) abort.abort(closing());
  }
}

export const closing = (): WebhookError => new WebhookError('closing', 'the receiver is closing');

/**
 * Whether a claim that was made while another one of its entry ran is to run now: the outcome made the
 * entry due, and it was claimed again before the answer arrived. Or the other one only asked for a
 * result, which has come.
 */
export function isDue(claim: Claim, settled: Settled | null, later: Claim): boolean {
  if (isExpectation(claim) && !isExpectation(later)) return true;
  return settled !== null && settled.claimRef.fencingToken !== later.fencingToken;
}

/** An event with a schema error can be replaced by one that fits, under the same key. */
export function isSameEvent(one: Claim, other: Claim): boolean {
  return one.body === other.body && one.schemaError === other.schemaError;
}
