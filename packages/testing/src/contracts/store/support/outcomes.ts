import type { Outcome } from '@novita-webhooks/core';

export const MINUTE_MS = 60_000;

/** One outcome of each type, for `Store.settle`. */
export const done: Extract<Outcome, { type: 'done' }> = { type: 'done' };
export const retry: Extract<Outcome, { type: 'retry' }> = {
  type: 'retry',
  delayMs: MINUTE_MS,
  reason: 'it failed',
  succeededHandlers: ['one'],
};
export const dead: Extract<Outcome, { type: 'dead' }> = {
  type: 'dead',
  reason: 'it cannot work',
  succeededHandlers: ['one'],
};
export const released: Extract<Outcome, { type: 'released' }> = {
  type: 'released',
  delayMs: 0,
  succeededHandlers: ['one'],
};
