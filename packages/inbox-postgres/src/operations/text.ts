import { errorGroupOf } from '@novita-webhooks/core';

/** Replaces what a text column rejects and an error message may hold: NUL and lone surrogates. */
export function toText(text: string): string {
  const { isWellFormed } = text as string & { isWellFormed(): boolean }; // of ES2024, and fast
  if (isWellFormed.call(text) && !text.includes('\0')) return text;
  return text.replace(/[\0\p{Surrogate}]/gu, '\uFFFD');
}

export const toTextOrNull = (text: string | null): string | null =>
  text === null ? null : toText(text);

/** The group of a reason. It may end with half a character, which a text column rejects. */
export const toErrorGroup = (reason: string | null): string | null =>
  toTextOrNull(errorGroupOf(reason));

/** Rounds a delay up to whole milliseconds, from 0 to a century: an interval holds no more. */
export function toDelay(ms: number): number {
  return Math.min(Math.max(0, Math.ceil(ms)), MAX_DELAY_MS);
}

const MAX_DELAY_MS = 100 * 365 * 24 * 60 * 60 * 1000;
