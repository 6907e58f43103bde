import type { TokenClaims } from '../callback/token.ts';
import type { ResultEvent } from '../events/envelope.ts';
import { parseTaskResult } from '../events/task-result-schema.ts';
import type { NewEntry } from '../inbox/ports.ts';
import type { Clock } from '../shared/clock.ts';
import { redactPayload } from '../shared/redact.ts';

/** The receiver's part of an entry. */
export interface ToEntryOptions {
  readonly endpoint: string;
  readonly clock: Clock;
}

/**
 * Converts an event to the entry that the inbox keeps. The token is cut out of the payload here.
 *
 * @param claims what the token of the delivery states
 */
export function toEntry(
  event: ResultEvent,
  claims: Pick<TokenClaims, 'metadata' | 'testMode'>,
  { endpoint, clock }: ToEntryOptions,
): NewEntry {
  const receivedAt = clock.now();
  const body = redactPayload(event.payload);
  return {
    endpoint,
    taskId: event.taskId,
    status: statusOf(event),
    body,
    // Of the stored body, like every attempt: JSON has no value for a number such as 1e400.
    schemaError: parseTaskResult(JSON.parse(body), receivedAt).schemaError,
    metadata: claims.metadata,
    testMode: claims.testMode || event.testMode,
    receivedAt,
  };
}

/** The status as entries keep it; `''` if it is no name, because it goes into logs and columns. */
export function statusOf({ status }: Pick<ResultEvent, 'status'>): string {
  return /^\w{1,64}$/.test(status) ? status : '';
}
