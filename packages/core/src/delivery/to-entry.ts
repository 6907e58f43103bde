import type { TokenClaims } from '../callback/token.ts';
import type { ResultEvent } from '../events/envelope.ts';
import { parseTaskResult, type ParsedResult } from '../events/task-result-schema.ts';
import type { NewEntry } from '../inbox/ports.ts';
import type { Clock } from '../shared/clock.ts';
import { redactPayload } from '../shared/redact.ts';

/** The receiver's part of an entry. */
export interface ToEntryOptions {
  readonly endpoint: string;
  readonly clock: Clock;
}

/** An entry, and the result that its stored body says. */
export interface ReceivedEntry {
  readonly entry: NewEntry;
  readonly parsed: ParsedResult;
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
): ReceivedEntry {
  const receivedAt = clock.now();
  const { value, text } = redactPayload(event.payload);
  const parsed = parseTaskResult(value, receivedAt);
  const entry: NewEntry = {
    endpoint,
    taskId: event.taskId,
    status: statusOf(event),
    body: text,
    schemaError: parsed.schemaError,
    metadata: claims.metadata,
    testMode: claims.testMode || event.testMode,
    receivedAt,
  };
  return { entry, parsed };
}

/** The status as entries keep it; `''` if it is no name, because it goes into logs and columns. */
export function statusOf({ status }: Pick<ResultEvent, 'status'>): string {
  return /^\w{1,64}$/.test(status) ? status : '';
}
