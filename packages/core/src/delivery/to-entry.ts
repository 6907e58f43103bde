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
  return {
    endpoint,
    taskId: event.taskId,
    status: /^\w{1,64}$/.test(event.status) ? event.status : '',
    body: redactPayload(event.payload),
    schemaError: parseTaskResult(event.payload, receivedAt).schemaError,
    metadata: claims.metadata,
    testMode: claims.testMode || event.testMode,
    receivedAt,
  };
}
