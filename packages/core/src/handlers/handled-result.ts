// The result that handlers get: that of the event, or the answer of the Task Result API.
import { readPayload } from '../events/envelope.ts';
import type { ParsedResult } from '../events/task-result-schema.ts';
import type { HandlerFailure, NewEntry, Outcome } from '../inbox/ports.ts';
import type { JsonObject } from '../shared/json.ts';
import { redactPayload } from '../shared/redact.ts';
import type { Failure } from './handler-failure.ts';
import { parseStoredBody } from './parse-stored-body.ts';
import type { ParsedResults } from './parsed-results.ts';

/** A payload that handlers may get. */
export interface HandledResult {
  /** The payload as JSON text. Each further handler gets a result of its own from it. */
  readonly body: string;
  /** Milliseconds since 1970, the base of a link's ttl. */
  readonly receivedAt: number;
  readonly testMode: boolean;
  readonly parsed: ParsedResult;
  /** For the log of attempts. */
  readonly remark?: HandlerFailure;
}

/** An attempt that ends before a handler runs. */
export interface EndedEarly {
  readonly ended: Outcome;
  readonly failures: readonly Failure[];
}

/** What the event says. */
export function fromEntry(
  entry: NewEntry,
  parsedResults: Pick<ParsedResults, 'take'>,
): HandledResult {
  const { body, receivedAt, testMode } = entry;
  return {
    body,
    receivedAt,
    testMode,
    parsed: parsedResults.take(entry) ?? parseStoredBody(entry),
  };
}

/**
 * What the Task Result API says. Tokens in the payload are redacted.
 *
 * @param receivedAt milliseconds since 1970
 */
export function fromAnswer(payload: JsonObject, receivedAt: number): HandledResult {
  const { testMode } = readPayload(payload).event;
  const { text: body } = redactPayload(payload);
  return { body, receivedAt, testMode, parsed: parseStoredBody({ body, receivedAt }) };
}
