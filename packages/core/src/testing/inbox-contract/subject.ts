import assert from 'node:assert/strict';

import type { Consumption, ConsumeOptions, Inbox, Outcome, Run } from '../../inbox.ts';
import { silentLogger } from '../../logger.ts';
import type { ContractCase } from '../contract.ts';

/** An inbox under test, empty, with a hand on its clock. */
export interface InboxSubject {
  readonly inbox: Inbox;
  /** Lets time go by: a manual clock's, or real time. */
  advance(ms: number): Promise<void>;
  /** How long a lease lasts. */
  readonly leaseMs: number;
  /** Makes the leases handed out so far somebody else's. */
  readonly loseLeases?: () => Promise<void> | void;
}

export type InboxCase = ContractCase<InboxSubject>;

export const done: Outcome = { type: 'done' };
export const never: Promise<never> = new Promise<never>(() => undefined);

export function consume(
  { inbox }: InboxSubject,
  run: Run,
  options: Partial<ConsumeOptions> = {},
): Consumption {
  const base = {
    endpoint: 'novita',
    concurrency: 10,
    log: silentLogger,
    onSettled: () => undefined,
  };
  return inbox.consume(run, { ...base, ...options });
}

/** Lets time go by in small steps until something is so. */
export async function eventually(
  subject: InboxSubject,
  what: string,
  isSo: () => unknown,
  stepMs = 25,
): Promise<void> {
  for (let step = 0; step < 200; step += 1) {
    if (await isSo()) return;
    await subject.advance(stepMs);
  }
  assert.fail(`never came true: ${what}`);
}
