import * as z from 'zod';

import { validate } from '../../shared/check-options.ts';
import { systemClock } from '../../shared/clock.ts';
import { isWebhookError, WebhookError } from '../../shared/errors.ts';
import { parseJson, type JsonObject } from '../../shared/json.ts';
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
  damage: z.string().optional(),
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
  requireLines(lines);
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
    const entry = readLine(text);
    if (entry === null) continue;
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

/** @throws WebhookError `invalid_argument`: a text would be read character by character */
function requireLines(lines: unknown): void {
  const isIterable =
    typeof lines === 'object' &&
    lines !== null &&
    (Symbol.iterator in lines || Symbol.asyncIterator in lines);
  if (isIterable) return;
  const message = 'inbox.import: pass the lines of export() as a list or stream, not one text.';
  throw new WebhookError('invalid_argument', message);
}

/** @returns what is wrong with the line, or its entry; `null` if it is blank */
function readLine(text: unknown): Entry | string | null {
  if (typeof text !== 'string')
    return `it is ${text === null ? 'null' : `a ${typeof text}`}, not text`;
  if (text.trim() === '') return null;
  let value: JsonObject;
  try {
    value = parseJson(text);
  } catch (error) {
    return isWebhookError(error) ? error.message.replace('the body', 'it') : 'it is not JSON';
  }
  const checked = validate(entrySchema, value);
  return 'value' in checked ? withoutDamage(checked.value) : checked.fault;
}

/** What could not be read was exported as empty. Handlers must not get that for the real value. */
function withoutDamage({ damage, ...entry }: z.output<typeof entrySchema>): Entry {
  if (damage === undefined || entry.state === 'done') return entry;
  const finishedAt = entry.finishedAt ?? systemClock.now();
  return { ...entry, state: 'dead', reason: damage, dueAt: null, finishedAt };
}
