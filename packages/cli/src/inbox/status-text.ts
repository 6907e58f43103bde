import type { Entry } from '@novita-webhooks/core';

/** Whether the Task Result API gave the task another status than its event has (`confirm`). */
export const isContradicted = ({ attemptLog }: Pick<Entry, 'attemptLog'>): boolean =>
  attemptLog.some(({ errors }) => errors.some(({ code }) => code === 'disagreement'));

/** The status of an event. Handlers may have got another one, and then it says so. */
export const toStatusText = (entry: Pick<Entry, 'status' | 'attemptLog'>): string =>
  isContradicted(entry) ? `${entry.status} (contradicted)` : entry.status;
