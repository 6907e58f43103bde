import {
  memoryStore,
  pollingInbox,
  type ClaimRef,
  type Inbox,
  type PollingInboxOptions,
  type Store,
} from '@novita-webhooks/core';

/** A memory inbox that fails when the test says so. */
export interface FakeInbox extends Inbox {
  /** Makes add, get, stats, claim, extend and settle reject with `error`, until `recover`. */
  fail(error: Error): void;
  /** Makes the same operations wait, until `recover`. */
  stall(): void;
  /** Ends `fail` or `stall`. Operations that wait then continue. */
  recover(): void;
  /** Makes every lease issued so far invalid: extend and settle return `false`. */
  loseLeases(): void;
}

/**
 * Creates an inbox in memory whose failures a test can control.
 *
 * @param options as for `pollingInbox`, without `pollIntervalMs`
 * @throws WebhookError `invalid_option`
 * @example
 * const inbox = createFakeInbox();
 * inbox.fail(new Error('connection refused')); // the receiver answers 503
 */
export function createFakeInbox(
  options: Omit<PollingInboxOptions, 'pollIntervalMs'> = {},
): FakeInbox {
  const store = memoryStore({ clock: options.clock });
  const validTokens = new Set<string>();
  let blocked: Promise<void> | undefined;
  let unblock: () => void = () => undefined;

  const isValid = ({ fencingToken }: ClaimRef) => validTokens.has(fencingToken);
  async function guard<T>(operation: () => T | Promise<T>): Promise<T> {
    await blocked;
    return operation();
  }

  const faulty: Store = {
    ...store,
    add: (entry) => guard(() => store.add(entry)),
    get: (key) => guard(() => store.get(key)),
    stats: () => guard(() => store.stats()),
    extend: (claimRef, leaseDurationMs) =>
      guard(async () => isValid(claimRef) && store.extend(claimRef, leaseDurationMs)),
    settle: (claimRef, outcome) =>
      guard(async () => isValid(claimRef) && store.settle(claimRef, outcome)),
    async claimOne(key, leaseDurationMs) {
      const claim = await guard(async () => store.claimOne?.(key, leaseDurationMs));
      if (claim !== undefined) validTokens.add(claim.fencingToken);
      return claim;
    },
    async claim(endpoint, limit, leaseDurationMs) {
      const claims = await guard(() => store.claim(endpoint, limit, leaseDurationMs));
      for (const { fencingToken } of claims) validTokens.add(fencingToken);
      return claims;
    },
  };

  return {
    ...pollingInbox(faulty, options),
    fail(error) {
      blocked = Promise.reject(error);
      // Without an operation that awaits it, the rejection must not end the process.
      blocked.catch(() => undefined);
    },
    stall() {
      blocked = new Promise((resolve) => (unblock = resolve));
    },
    recover() {
      blocked = undefined;
      unblock();
    },
    loseLeases: () => validTokens.clear(),
  };
}
