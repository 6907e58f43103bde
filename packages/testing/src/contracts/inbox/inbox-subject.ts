import assert from 'node:assert/strict';

import type {
  Consumer,
  ConsumeOptions,
  Entry,
  EntryKey,
  Inbox,
  Logger,
  NewEntry,
  Outcome,
  Retention,
  EntryProcessor,
} from '@novita-webhooks/core';
import type { ContractCase } from '../contract-case.ts';
import { createTestEntry } from '../../samples/create-test-entry.ts';

/** An inbox under test, empty, with a hand on its clock. */
export interface InboxSubject {
  readonly inbox: Inbox;
  /** Lets time go by: a manual clock's, or real time. */
  advance(ms: number): Promise<void>;
  /** How long a lease lasts. */
  readonly leaseDurationMs: number;
  /** Makes the leases handed out so far somebody else's. */
  readonly loseLeases?: () => Promise<void> | void;
  /** How long it keeps what was settled. Without it the cases on that are skipped. */
  readonly retention?: Retention;
  /** For inboxes that are shared: opens it once more, as another process does. */
  readonly openPeer?: () => Promise<Inbox> | Inbox;
  /**
   * The same, as by a process that sleeps: what it begins goes on, but its timers stand still, so
   * that no lease of its is extended.
   */
  readonly openSleeper?: () => Promise<Inbox> | Inbox;
}

export type InboxCase = ContractCase<InboxSubject>;

export const done: Outcome = { type: 'done' };
export const never: Promise<never> = new Promise<never>(() => undefined);

export const dead: Outcome = { type: 'dead', reason: 'it cannot work', succeededHandlers: ['one'] };

export function consume(
  { inbox }: Pick<InboxSubject, 'inbox'>,
  run: EntryProcessor,
  options: Partial<ConsumeOptions> = {},
): Consumer {
  const base = {
    endpoint: 'novita',
    concurrency: 10,
    log: SILENT,
    onSettled: () => undefined,
  };
  return inbox.consume(run, { ...base, ...options });
}

/** Lets time go by in small steps until something is so. */
export async function eventually(
  subject: InboxSubject,
  what: string,
  isSo: () => unknown,
  stepMs = 25,
): Promise<void> {
  for (let step = 0; step < 200; step += 1) {
    if (await isSo()) return;
    await subject.advance(stepMs);
  }
  assert.fail(`never came true: ${what}`);
}

export async function stateOf(inbox: Inbox, key: EntryKey): Promise<Entry['state'] | undefined> {
  return (await inbox.get(key))?.state;
}

/** Adds an entry and has one attempt made on it, by a consumption of its own. */
export async function settleAs(
  subject: InboxSubject,
  outcome: Outcome,
  entry: NewEntry = createTestEntry(),
): Promise<NewEntry> {
  const settled = new Set<string>();
  const consumption = consume(subject, async () => outcome, {
    endpoint: entry.endpoint,
    onSettled: ({ taskId }) => void settled.add(taskId),
  });
  assert.equal(await subject.inbox.add(entry), 'added');
  await eventually(subject, outcome.type, () => settled.has(entry.taskId));
  await consumption.stop({ gracePeriodMs: 1000 });
  return entry;
}

/** A run that goes on until it is told how to end, and a note of what it was given. */
export interface HeldRun {
  readonly run: EntryProcessor;
  readonly entries: readonly Entry[];
  readonly signals: readonly AbortSignal[];
  /** Ends the first that is not ended. */
  finish(outcome: Outcome): void;
}

export function holdRuns(): HeldRun {
  const entries: Entry[] = [];
  const signals: AbortSignal[] = [];
  const open: ((outcome: Outcome) => void)[] = [];
  return {
    entries,
    signals,
    finish: (outcome) => open.shift()?.(outcome),
    run(entry, signal) {
      entries.push(entry);
      signals.push(signal);
      return new Promise((resolve) => open.push(resolve));
    },
  };
}

const ignore = (): void => undefined;

const SILENT: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };
