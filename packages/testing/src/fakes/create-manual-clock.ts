import type { Clock } from '@novita-webhooks/core';

/** A clock that stands still until it is told to go on. */
export interface ManualClock extends Clock {
  /**
   * Moves on by `ms` milliseconds, calls what falls due in its order, and lets what that sets in
   * motion come to rest each time.
   */
  advance(ms: number): Promise<void>;
  /** Moves on without calling anything: a process that was asleep. */
  skip(ms: number): void;
  /** Lets what is in motion come to rest, without moving on. */
  flush(): Promise<void>;
  /** How many timers are set. */
  timers(): number;
}

interface Timer {
  readonly dueAt: number;
  readonly callback: () => void;
}

/**
 * Makes a clock that stands still.
 *
 * @param startAt milliseconds since 1970; default 2026-03-01T10:15:00Z
 */
export function createManualClock(startAt: number = Date.UTC(2026, 2, 1, 10, 15)): ManualClock {
  const timers = new Set<Timer>();
  let now = startAt;

  function nextDue(until: number): Timer | undefined {
    const [first] = [...timers]
      .filter(({ dueAt }) => dueAt <= until)
      .sort((a, b) => a.dueAt - b.dueAt);
    return first;
  }

  return {
    now: () => now,
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
    flush,
    timers: () => timers.size,
  };
}

/**
 * A few turns of the event loop: promises settle, and so does Web Crypto's work elsewhere, which
 * takes its time on a busy machine. What is asked of it last is not done first.
 */
async function flush(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) {
    await crypto.subtle.digest('SHA-256', new Uint8Array(1));
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}
