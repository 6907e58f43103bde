import type { ResultEvent } from '../events/envelope.ts';
import type { NewEntry } from '../inbox/ports.ts';
import type { Clock } from '../shared/clock.ts';
import { redactPayload } from '../shared/redact.ts';
import { parseTaskResult } from '../events/task-result-schema.ts';
import type { TokenClaims } from '../callback/token.ts';

/** What the token of a delivery vouches for. */
export type Grant = Pick<TokenClaims, 'metadata' | 'testMode'>;

export interface ToEntryOptions {
  readonly endpoint: string;
  readonly clock: Clock;
}

/** An event as the inbox keeps it. The token stays behind here. */
export function toEntry(
  event: ResultEvent,
  grant: Grant,
  { endpoint, clock }: ToEntryOptions,
): NewEntry {
  const receivedAt = clock.now();
  return {
    endpoint,
    taskId: event.taskId,
    status: /^\w{1,64}$/.test(event.status) ? event.status : '',
    body: redactPayload(event.payload),
    schemaError: parseTaskResult(event.payload, receivedAt).schemaError,
    metadata: grant.metadata,
    testMode: grant.testMode || event.testMode,
    receivedAt,
  };
}
