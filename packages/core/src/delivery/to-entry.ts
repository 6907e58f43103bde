import type { TokenClaims } from '../callback/token.ts';
import { statusOf, taskTypeOf, type ResultEvent } from '../events/envelope.ts';
import { parseTaskResult, type ParsedResult } from '../events/task-result-schema.ts';
import type { NewEntry } from '../inbox/ports.ts';
import type { Clock } from '../shared/clock.ts';
import { redactPayload } from '../shared/redact.ts';

/** The receiver's part of an entry. */
export interface ToEntryOptions {
  readonly endpoint: string;
  readonly clock: Clock;
}

/** What is known of an event beside the event itself. */
export interface Provenance extends Pick<TokenClaims, 'metadata' | 'testMode'> {
  readonly tokenId?: string | null;
  readonly traceparent?: string | null;
}

/** An entry, and the result that its stored body says. */
export interface ReceivedEntry {
  readonly entry: NewEntry;
  readonly parsed: ParsedResult;
}

/**
 * Converts an event to the entry that the inbox keeps. The token is cut out of the payload here.
 *
 * @param provenance what the token of the delivery states, and its trace
 */
export function toEntry(
  event: ResultEvent,
  { metadata, testMode, tokenId = null, traceparent = null }: Provenance,
  { endpoint, clock }: ToEntryOptions,
): ReceivedEntry {
  const receivedAt = clock.now();
  const { value, text } = redactPayload(event.payload);
  const parsed = parseTaskResult(value, receivedAt);
  const entry: NewEntry = {
    endpoint,
    taskId: event.taskId,
    status: statusOf(event),
    taskType: taskTypeOf(value),
    body: text,
    schemaError: parsed.schemaError,
    metadata,
    testMode: testMode || event.testMode,
    receivedAt,
    source: 'delivery',
    ...{ traceparent, tokenId },
  };
  return { entry, parsed };
}
