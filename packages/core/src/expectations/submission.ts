// The record of a submit call with a key: an entry beside those of tasks.
import * as z from 'zod';

import { SUBMISSION_PREFIX } from '../events/envelope.ts';
import type { NewEntry } from '../inbox/ports.ts';
import { validate } from '../shared/check-options.ts';
import { readOr } from '../shared/read-or.ts';

/** The task id in the key of the record. No delivery can have it: see `readEvent`. */
export function toSubmissionId(key: string): string {
  return `${SUBMISSION_PREFIX}${key}`;
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
