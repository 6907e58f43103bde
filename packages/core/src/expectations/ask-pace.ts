import { monotonicMs, type Clock } from '../shared/clock.ts';
import type { Expectation, MediaKind } from './expectation-body.ts';

/** Milliseconds until the first question, and between the first and the second. */
const PACES: Readonly<Record<MediaKind, { readonly firstMs: number; readonly nextMs: number }>> = {
  image: { firstMs: 5000, nextMs: 3000 },
  audio: { firstMs: 5000, nextMs: 3000 },
  video: { firstMs: 30_000, nextMs: 10_000 },
};
const GROWTH = 1.1;
const MAX_DELAY_MS = 5 * 60_000;

/** Milliseconds until a task may be asked about for the first time; 0 or less if it may now. */
export function untilFirstAsk({ media }: Expectation, submittedAt: number, now: number): number {
  const { firstMs } = PACES[media];
  return Math.min(firstMs, submittedAt + firstMs - now); // also if the clock was set back
}

/**
 * Milliseconds until the next question, ever more. The last one is at the deadline.
 *
 * @param asks how many times the task has been asked about
 */
export function untilNextAsk({ media, until }: Expectation, asks: number, now: number): number {
  const delayMs = Math.min(PACES[media].nextMs * GROWTH ** (asks - 1), MAX_DELAY_MS);
  return until > now ? Math.min(delayMs, Math.max(until - now, 1000)) : delayMs;
}

/** Limits how many tasks are asked about at a time, and spreads the others over the time to come. */
export interface AskSlots {
  /** @returns 0 if the caller has a slot now, else milliseconds after which it should try again */
  take(): number;
  /** Gives a slot back. */
  free(): void;
}

const MAX_ASKING = 10;
const MAX_WAIT_MS = 60_000;
/** Until it is known how fast answers come. */
const FIRST_GUESS_MS = 100;

export function createAskSlots(clock: Clock): AskSlots {
  let asking = 0;
  let lastAnswerAt = 0;
  let intervalMs = FIRST_GUESS_MS;
  let nextTurnAt = 0;
  return {
    take() {
      if (asking < MAX_ASKING) {
        asking += 1;
        return 0;
      }
      const now = monotonicMs(clock);
      nextTurnAt = Math.min(Math.max(nextTurnAt, now) + intervalMs, now + MAX_WAIT_MS);
      return nextTurnAt - now;
    },
    free() {
      asking -= 1;
      const now = monotonicMs(clock);
      // The mean time between two answers, in which a recent one counts for a tenth.
      if (lastAnswerAt > 0) intervalMs += (Math.min(now - lastAnswerAt, 5000) - intervalMs) / 10;
      lastAnswerAt = now;
    },
  };
}
