import type { ClaimRef, Inbox, Store } from '@novita-webhooks/core';
import { memoryStore } from '@novita-webhooks/core';
import { pollingInbox, type PollingInboxOptions } from '@novita-webhooks/core';

/** A memory inbox that misbehaves on demand. */
export interface FakeInbox extends Inbox {
  /** From now on adding, claiming and settling fail with this error, until `recover`. */
  fail(error: Error): void;
  /** From now on those calls do not come back before `recover`. */
  stall(): void;
  recover(): void;
  /** From now on every lease that was handed out so far counts as somebody else's. */
  loseLeases(): void;
}

/**
 * Makes an inbox in memory that does as it is told, also what no inbox should.
 *
 * @example
 * const inbox = createFakeInbox();
 * inbox.fail(new Error('connection refused')); // deliveries are answered 503
 */
export function createFakeInbox(
  options: Omit<PollingInboxOptions, 'pollIntervalMs'> = {},
): FakeInbox {
  const store = memoryStore({ clock: options.clock });
  const current = new Set<string>();
  let trouble: Promise<void> | undefined;
  let recover: () => void = () => undefined;

  const holds = ({ fencingToken }: ClaimRef) => current.has(fencingToken);
  /** Every call passes here first. */
  async function pass<T>(call: () => Promise<T>): Promise<T> {
    await trouble;
    return call();
  }

  const faulty: Store = {
    ...store,
    add: (entry) => pass(() => store.add(entry)),
    get: (key) => pass(() => store.get(key)),
    stats: () => pass(() => store.stats()),
    extend: (claimRef, leaseDurationMs) =>
      pass(async () => holds(claimRef) && store.extend(claimRef, leaseDurationMs)),
    settle: (claimRef, outcome) =>
      pass(async () => holds(claimRef) && store.settle(claimRef, outcome)),
    async claimOne(key, leaseDurationMs) {
      const claim = await pass(async () => store.claimOne?.(key, leaseDurationMs));
      if (claim !== undefined) current.add(claim.fencingToken);
      return claim;
    },
    async claim(endpoint, limit, leaseDurationMs) {
      const claims = await pass(() => store.claim(endpoint, limit, leaseDurationMs));
      for (const { fencingToken } of claims) current.add(fencingToken);
      return claims;
    },
  };

  return {
    ...pollingInbox(faulty, options),
    fail(error) {
      trouble = Promise.reject(error);
      trouble.catch(() => undefined); // only those who call hear of it
    },
    stall() {
      trouble = new Promise((resolve) => (recover = resolve));
    },
    recover() {
      trouble = undefined;
      recover();
    },
    loseLeases: () => current.clear(),
  };
}
