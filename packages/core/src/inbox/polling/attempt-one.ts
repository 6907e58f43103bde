import { monotonicMs } from '../../shared/clock.ts';
import type { Logger } from '../../shared/logger.ts';
import type { AttemptHandle, EntryKey } from '../ports.ts';
import { createClaimPool, type ClaimPoolOptions } from './claim-pool.ts';

interface AttemptOneOptions extends Omit<ClaimPoolOptions, 'concurrency' | 'onFree'> {
  /** Called after the attempt. Never rejects. */
  readonly cleanUpIfDue: (log: Logger) => Promise<void>;
}

/**
 * Claims one pending entry and runs it. See `Inbox.attempt`.
 *
 * @returns `undefined` if the entry is not pending or the store cannot claim a single entry
 */
export async function attemptOne(
  key: EntryKey,
  options: AttemptOneOptions,
): Promise<AttemptHandle | undefined> {
  const { store, leaseDurationMs, clock } = options;
  const claimedAt = monotonicMs(clock);
  const claim = await store.claimOne?.(key, leaseDurationMs);
  if (claim === undefined) return undefined;
  const pool = createClaimPool({ ...options, concurrency: 1, onFree: () => undefined });
  pool.take(claim, claimedAt);
  const finished = pool.idle().then(() => options.cleanUpIfDue(options.log));
  return { finished, stop: ({ gracePeriodMs }) => pool.stop(gracePeriodMs) };
}
