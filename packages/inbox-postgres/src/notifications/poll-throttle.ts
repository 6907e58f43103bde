import type { Clock } from '@novita-webhooks/core';

/** Limits the polls that notifications cause, with a token bucket. */
export interface PollThrottle {
  /** A notification arrived: polls now, or as soon as the bucket allows. */
  notify(): void;
  /** A claim returned so many entries. */
  claimed(entries: number): void;
  stop(): void;
}

export interface PollThrottleOptions {
  readonly poll: () => void;
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly random: () => number;
}

/** One token comes back in this time: five a second. */
const TOKEN_REFILL_MS = 200;
const CAPACITY_TOKENS = 5;
/** No poll is delayed by more than this (and the jitter), even if the clock is set back. */
const MAX_DELAY_MS = 2 * TOKEN_REFILL_MS;

/**
 * NOTIFY wakes every listening worker, but only one can claim the entry (thundering herd). So polls
 * caused by a notification are limited by a token bucket: capacity 5, refill 5 per second.
 *
 * - A poll runs unless the bucket is overdrawn: six empty polls in a row are possible.
 * - An empty poll costs a token, if a notification caused it. Each claimed entry gives one back.
 * - A delayed poll runs after 0.5 to 1.5 times the wait: workers do not poll at the same time.
 *
 * Two consumers of one endpoint in one process share no bucket, but each sees the claims of both. They
 * poll more often than necessary.
 */
export function createPollThrottle(options: PollThrottleOptions): PollThrottle {
  const { poll, clock, random } = options;
  /** When the bucket is full again. Each missing token adds `TOKEN_REFILL_MS`. */
  let fullAt = 0;
  let isNotified = false;
  let cancel: (() => void) | undefined;

  function pollNow(): void {
    cancel = undefined;
    isNotified = true;
    poll();
  }

  return {
    notify() {
      const waitMs = Math.min(
        fullAt - CAPACITY_TOKENS * TOKEN_REFILL_MS - clock.now(),
        MAX_DELAY_MS,
      );
      if (waitMs > 0) {
        cancel ??= clock.after(waitMs * (0.5 + random()), pollNow, { background: true });
      } else {
        cancel?.();
        pollNow();
      }
    },
    claimed(entries) {
      const now = clock.now();
      fullAt = Math.min(
        Math.max(fullAt, now),
        now + CAPACITY_TOKENS * TOKEN_REFILL_MS + MAX_DELAY_MS,
      );
      if (entries > 0) fullAt -= entries * TOKEN_REFILL_MS;
      else if (isNotified) fullAt += TOKEN_REFILL_MS;
      isNotified = false;
    },
    stop() {
      cancel?.();
    },
  };
}
