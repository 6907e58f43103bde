import * as z from 'zod';

import { describeIssues } from '../../shared/check-options.ts';
import { WebhookError } from '../../shared/errors.ts';
import { newEntryShape, time } from '../new-entry-shape.ts';
import type { Entry, ImportResult, EntryTable } from '../ports.ts';

/** Bounds the memory and one transaction: each entry may have a body of a MiB. */
const BATCH = 50;

const count = z.int().min(0);
const names = z.array(z.string());

const attemptSchema = z.strictObject({
  attempt: count,
  startedAt: time.nullable(),
  durationMs: z.number().min(0).nullable(),
  outcome: z.enum(['done', 'retry', 'dead', 'lost']),
  trigger: z.enum(['delivery', 'sweep', 'expectation', 'replay']),
  errors: z.array(
    z.strictObject({
      handler: z.string(),
      name: z.string(),
      message: z.string(),
      code: z.string().nullable(),
    }),
  ),
});

const entrySchema = z.object({
  ...newEntryShape,
  state: z
    .enum(['expected', 'pending', 'running', 'done', 'dead'])
    .transform((state) => (state === 'expected' ? 'pending' : state)),
  attempts: count,
  succeededHandlers: names,
  reason: z.string().nullable(),
  dueAt: time.nullable(),
  finishedAt: time.nullable(),
  replays: count,
  partialReplay: z.strictObject({ handlers: names, deadReason: z.string().nullable() }).nullable(),
  attemptLog: z.array(attemptSchema).max(10),
  originalBody: z.string().nullable(),
});

/** See `EntryAdmin.import`. */
export async function importEntries(
  store: EntryTable,
  lines: Iterable<string> | AsyncIterable<string>,
): Promise<ImportResult> {
  if (store.restoreEntries === undefined) {
    const message = `inbox.import: ${store.name ?? 'this store'} has no restoreEntries, so it cannot import.`;
    throw new WebhookError('not_supported', message);
  }
  let result: ImportResult = { added: 0, duplicates: 0 };
  let batch: Entry[] = [];
  const flush = async () => {
    const added = batch.length === 0 ? 0 : ((await store.restoreEntries?.(batch)) ?? 0);
    const duplicates = result.duplicates + batch.length - added;
    result = { added: result.added + added, duplicates };
    batch = [];
  };
  let line = 0;
  for await (const text of lines) {
    line += 1;
    if (text.trim() === '') continue;
    const entry = readLine(text);
    if (typeof entry === 'string') {
      await flush();
      throw new WebhookError(
        'invalid_argument',
        `inbox.import: line ${line} is no entry: ${entry}`,
      );
    }
    batch.push(entry);
    if (batch.length >= BATCH) await flush();
  }
  await flush();
  return result;
}

/** @returns what is wrong with the line, or its entry */
function readLine(text: string): Entry | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'it is not JSON';
  }
  const parsed = entrySchema.safeParse(value);
  return parsed.success ? parsed.data : describeIssues(parsed.error);
}
