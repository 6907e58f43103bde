import assert from 'node:assert/strict';

import type {
  ConsumeOptions,
  Consumer,
  EntryProcessor,
  Logger,
  NewEntry,
  Outcome,
} from '@novita-webhooks/core';

import { createTestEntry } from '../../../samples/create-test-entry.ts';
import type { InboxSubject } from '../inbox-subject.ts';
import { eventually } from './eventually.ts';

export const done: Outcome = { type: 'done' };
export const dead: Outcome = { type: 'dead', reason: 'it cannot work', succeededHandlers: ['one'] };

const ignore = (): void => undefined;
const SILENT: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

/** Starts to consume endpoint `novita` with 10 entries at a time. */
export function startConsumer(
  { inbox }: Pick<InboxSubject, 'inbox'>,
  run: EntryProcessor,
  options: Partial<ConsumeOptions> = {},
): Consumer {
  const defaults = { endpoint: 'novita', concurrency: 10, log: SILENT, onSettled: ignore };
  return inbox.consume(run, { ...defaults, ...options });
}

/** Adds an entry and settles one attempt on it, with a consumer that stops afterwards. */
export async function addAndSettle(
  subject: InboxSubject,
  outcome: Outcome,
  entry: NewEntry = createTestEntry(),
): Promise<NewEntry> {
  const settled = new Set<string>();
  const consumer = startConsumer(subject, async () => outcome, {
    endpoint: entry.endpoint,
    onSettled: ({ taskId }) => void settled.add(taskId),
  });
  assert.equal(await subject.inbox.add(entry), 'added');
  await eventually(subject, `settled as ${outcome.type}`, () => settled.has(entry.taskId));
  await consumer.stop({ gracePeriodMs: 1000 });
  return entry;
}

/** Adds entries and settles one attempt on each. */
export async function addMany(
  subject: InboxSubject,
  count: number,
  outcome: Outcome,
): Promise<readonly NewEntry[]> {
  const entries: NewEntry[] = [];
  for (let index = 0; index < count; index += 1) {
    entries.push(await addAndSettle(subject, outcome));
  }
  return entries;
}

/** @returns the outcome of an attempt that failed for ever */
export function deadBecause(reason: string): Outcome {
  return { type: 'dead', reason, succeededHandlers: ['one'] };
}
