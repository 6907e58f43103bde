import { parseTaskResult, type ParsedResult } from '../events/task-result-schema.ts';
import type { NewEntry } from '../inbox/ports.ts';

/**
 * Parses the body of an entry into a result of its own: a handler can change it without effect on
 * other handlers. A body that was damaged in the store is a schema error.
 */
export function parseStoredBody({
  body,
  receivedAt,
}: Pick<NewEntry, 'body' | 'receivedAt'>): ParsedResult {
  let payload: unknown;
  try {
    payload = JSON.parse(body);
  } catch {
    return { result: null, schemaError: 'the stored body is not JSON. Discard the entry.' };
  }
  return parseTaskResult(payload, receivedAt);
}
