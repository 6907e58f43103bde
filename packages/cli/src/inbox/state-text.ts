import type { Entry } from '@novita-webhooks/core';

/** Begins the key of a record of `receiver.submit()` with a `key`: docs/decisions/0038. */
const SUBMISSION_PREFIX = 'submission:';

/** The state of an entry for people. The record of a submit call is no result: it is `submitted`, not `done`. */
export const toStateText = ({ taskId, state }: Pick<Entry, 'taskId' | 'state'>): string =>
  state === 'done' && taskId.startsWith(SUBMISSION_PREFIX) ? 'submitted' : state;
