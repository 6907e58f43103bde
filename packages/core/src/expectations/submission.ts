// The record of a submit call with a key: an entry beside those of tasks.
import * as z from 'zod';

import { SUBMISSION_PREFIX } from '../events/envelope.ts';
import type { NewEntry } from '../inbox/ports.ts';
import { validate } from '../shared/check-options.ts';
import type { Clock } from '../shared/clock.ts';
import { toExpectationEntry } from './expectation-body.ts';
import { readOr } from '../shared/read-or.ts';

/**
 * The record of a call that was not answered yet. No delivery can have its task id: see `readEvent`.
 *
 * @param within milliseconds after which the call counts as given up
 */
export function toReserved(
  key: string,
  within: number,
  { endpoint, clock }: { readonly endpoint: string; readonly clock: Clock },
): NewEntry {
  const now = clock.now();
  const taskId = `${SUBMISSION_PREFIX}${key}`;
  const none = { metadata: {}, testMode: false, tokenId: null, media: 'image' } as const;
  return toExpectationEntry({ ...none, endpoint, taskId, until: now + within, now });
}

/** The record of a call that was answered. Takes the place of the one that waits for the answer. */
export function toSubmitted(reserved: NewEntry, taskId: string): NewEntry {
  return { ...reserved, schemaError: null, body: JSON.stringify({ taskId }) };
}

const schema = z.object({ taskId: z.string() });

/** @returns the task of an answered call; `null` if the call was not answered yet */
export function submittedTaskOf({ body, schemaError }: NewEntry): string | null {
  if (schemaError !== null) return null;
  const checked = validate(
    schema,
    readOr(() => JSON.parse(body) as unknown, null),
  );
  return 'value' in checked ? checked.value.taskId : null;
}
