import assert from 'node:assert/strict';

import type { EntryKey, EntryState, Inbox } from '@novita-webhooks/core';

import { stateOf } from '../../entry/entry-port.ts';
import type { InboxSubject } from '../inbox-subject.ts';

const MAX_STEPS = 200;

/**
 * Lets time pass in steps until a condition holds.
 *
 * @param expected describes the condition, for the error
 * @param stepMs time between two checks, in milliseconds
 * @throws AssertionError after 200 steps
 */
export async function eventually(
  subject: InboxSubject,
  expected: string,
  condition: () => unknown,
  stepMs = 25,
): Promise<void> {
  for (let step = 0; step < MAX_STEPS; step += 1) {
    if (await condition()) return;
    await subject.advance(stepMs);
  }
  assert.fail(`not reached in ${MAX_STEPS} steps of ${stepMs} ms: ${expected}`);
}

export function untilState(
  subject: InboxSubject,
  key: EntryKey,
  state: EntryState,
  inbox: Inbox = subject.inbox,
): Promise<void> {
  return eventually(subject, state, async () => (await stateOf(inbox, key)) === state);
}

/** Waits until the inbox counts exactly `count` done entries. */
export function untilDone(
  subject: InboxSubject,
  count: number,
  inbox: Inbox = subject.inbox,
): Promise<void> {
  return eventually(subject, `${count} done`, async () => (await inbox.stats()).done === count);
}
