import * as z from 'zod';

import { parseArgument } from '../shared/check-options.ts';
import { copyJson, CopyJsonError, isPrimitive, refuseOther } from '../shared/copy-json.ts';
import { isObject } from '../shared/json.ts';
import type { NewEntry } from './ports.ts';

const text = z.string('must be a text');
const textOrNull = z.string('must be a text or null').nullable();

const schema = z.object(
  {
    ...{ endpoint: text, taskId: text, status: text, taskType: text, body: text, source: text },
    ...{ schemaError: textOrNull, traceparent: textOrNull, tokenId: textOrNull },
    metadata: z.custom(isObject, 'must be an object').superRefine((metadata, context) => {
      const fault = faultOf(metadata);
      if (fault !== null) context.addIssue(fault);
    }),
    testMode: z.boolean('must be true or false'),
    receivedAt: z.number('must be milliseconds since 1970'),
  } satisfies Record<Exclude<keyof NewEntry, 'mac'>, z.ZodType>,
  'must be an entry',
);

/**
 * Rejects what is no entry before a store sees it: a store may batch entries, and one that cannot be
 * written must not fail beside others. For implementations of {@link Inbox.add}.
 *
 * @throws WebhookError `invalid_argument`
 */
export function checkNewEntry(entry: NewEntry): void {
  if (!isFlatEntry(entry)) parseArgument('inbox.add', schema, entry);
}

/** The usual case, which costs little: valid types, and metadata without objects. */
function isFlatEntry(entry: unknown): boolean {
  return isObject(entry) && hasValidTypes(entry) && hasFlatMetadata(entry['metadata']);
}

function hasValidTypes(entry: { readonly [Field in keyof NewEntry]?: unknown }): boolean {
  return (
    typeof entry.endpoint === 'string' &&
    typeof entry.taskId === 'string' &&
    typeof entry.status === 'string' &&
    typeof entry.taskType === 'string' &&
    typeof entry.body === 'string' &&
    typeof entry.source === 'string' &&
    isTextOrNull(entry.schemaError) &&
    isTextOrNull(entry.traceparent) &&
    isTextOrNull(entry.tokenId) &&
    typeof entry.testMode === 'boolean' &&
    Number.isFinite(entry.receivedAt)
  );
}

function isTextOrNull(value: unknown): boolean {
  return value === null || typeof value === 'string';
}

function hasFlatMetadata(metadata: unknown): boolean {
  if (!isObject(metadata)) return false;
  for (const key in metadata) if (!isPrimitive(metadata[key])) return false;
  return true;
}

function faultOf(metadata: unknown): string | null {
  try {
    copyJson(metadata, refuseOther);
    return null;
  } catch (error) {
    if (error instanceof CopyJsonError) return error.message;
    throw error;
  }
}
