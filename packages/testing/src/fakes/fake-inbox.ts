import type { Fence, Inbox, Store } from '@novita-webhooks/core';
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
export function createFakeInbox(options: Omit<PollingInboxOptions, 'pollMs'> = {}): FakeInbox {
  const store = memoryStore({ clock: options.clock });
  const current = new Set<string>();
  let trouble: Promise<void> | undefined;
  let recover: () => void = () => undefined;

  const holds = ({ fence }: Fence) => current.has(fence);
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
    extend: (fence, leaseMs) => pass(async () => holds(fence) && store.extend(fence, leaseMs)),
    settle: (fence, outcome) => pass(async () => holds(fence) && store.settle(fence, outcome)),
    async claimOne(key, leaseMs) {
      const claim = await pass(async () => store.claimOne?.(key, leaseMs));
      if (claim !== undefined) current.add(claim.fence);
      return claim;
    },
    async claim(endpoint, limit, leaseMs) {
      const claims = await pass(() => store.claim(endpoint, limit, leaseMs));
      for (const { fence } of claims) current.add(fence);
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
