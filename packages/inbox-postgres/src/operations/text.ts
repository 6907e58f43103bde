/** What a text column does not take, as an error message may have it: NUL and halves of surrogates. */
export function toText(text: string): string {
  return text.replace(/[\0\p{Surrogate}]/gu, '\uFFFD');
}

/** Delays come with jitter, and a handler may ask for one of any length: whole ms, within a century. */
export function toDelay(ms: number): number {
  return Math.min(Math.max(0, Math.ceil(ms)), CENTURY_MS);
}

const CENTURY_MS = 100 * 365 * 24 * 60 * 60 * 1000;
