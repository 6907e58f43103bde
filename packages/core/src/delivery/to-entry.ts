import type { ResultEvent } from '../events/envelope.ts';
import type { NewEntry } from '../inbox/ports.ts';
import type { ResolvedOptions } from '../options.ts';
import { redactPayload } from '../shared/redact.ts';
import { parseTaskResult } from '../events/task-result-schema.ts';
import type { TokenClaims } from '../callback/token.ts';

/** What the token of a delivery vouches for. */
export type Grant = Pick<TokenClaims, 'metadata' | 'testMode'>;

/** An event as the inbox keeps it. The token stays behind here. */
export function toEntry(
  event: ResultEvent,
  grant: Grant,
  { name, clock }: Pick<ResolvedOptions, 'name' | 'clock'>,
): NewEntry {
  const receivedAt = clock.now();
  return {
    endpoint: name,
    taskId: event.taskId,
    status: /^\w{1,64}$/.test(event.status) ? event.status : '',
    body: redactPayload(event.payload),
    drift: parseTaskResult(event.payload, receivedAt).drift,
    metadata: grant.metadata,
    testMode: grant.testMode || event.testMode,
    receivedAt,
  };
}
