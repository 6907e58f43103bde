import { WebhookError, type Clock } from '@novita-webhooks/core';

/** A clock that stands still until the test moves it. */
export interface ManualClock extends Clock {
  /**
   * Moves the clock forward by `ms` milliseconds. Calls the timers that become due, earliest first,
   * and flushes after each.
   */
  advance(ms: number): Promise<void>;
  /** Moves the clock forward by `ms` milliseconds and calls no timer: a suspended process. */
  skip(ms: number): void;
  /** Sets the time of day forward or back by `ms` milliseconds. Timers and `monotonic` do not jump. */
  jump(ms: number): void;
  /** Waits until pending promises and Web Crypto operations have settled. Does not move the clock. */
  flush(): Promise<void>;
  /** Returns the number of timers that are set. */
  timers(): number;
}

interface Timer {
  readonly dueAt: number;
  readonly callback: () => void;
}

/**
 * Creates a clock for the `clock` option of receivers, inboxes and stores.
 *
 * @param startAt milliseconds since 1970; default: 2026-03-01T10:15:00Z
 * @throws WebhookError `invalid_argument`
 * @example
 * const clock = createManualClock();
 * const receiver = createReceiver({ url, secret, clock, inbox: memoryInbox({ clock }) });
 * await clock.advance(60_000); // due retries run
 */
export function createManualClock(startAt: number = Date.UTC(2026, 2, 1, 10, 15)): ManualClock {
  if (!Number.isFinite(startAt)) {
    const message =
      'createManualClock: startAt must be milliseconds since 1970, such as Date.now().';
    throw new WebhookError('invalid_argument', message);
  }
  const timers = new Set<Timer>();
  let now = startAt;
  let jumpedMs = 0;

  function nextDue(until: number): Timer | undefined {
    const [first] = [...timers]
      .filter(({ dueAt }) => dueAt <= until)
      .sort((a, b) => a.dueAt - b.dueAt);
    return first;
  }

  return {
    now: () => now + jumpedMs,
    monotonic: () => now,
    after(delayMs, callback) {
      const timer = { dueAt: now + Math.max(0, delayMs), callback };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    async advance(ms) {
      const until = now + ms;
      await flush();
      for (let timer = nextDue(until); timer !== undefined; timer = nextDue(until)) {
        timers.delete(timer);
        now = Math.max(now, timer.dueAt);
        timer.callback();
        await flush();
      }
      now = until;
    },
    skip(ms) {
      now += ms;
    },
    jump(ms) {
      jumpedMs += ms;
    },
    flush,
    timers: () => timers.size,
  };
}

/**
 * Runs five turns of the event loop, each after a Web Crypto digest. Web Crypto works on other
 * threads: a digest requested here usually completes after those that the code under test requested.
 */
async function flush(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) {
    await crypto.subtle.digest('SHA-256', new Uint8Array(1));
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}
