import type { Entry } from '@novita-webhooks/core';

import { bodyOf } from './test-entries.ts';

/** What the store has acknowledged about an entry. */
interface Acknowledged {
  /** The store holds the entry. */
  isAdded: boolean;
  /** Attempts of the last claim. */
  attempts: number;
  /** The last confirmed outcome, and its attempt. */
  settled: { readonly type: string; readonly attempt: number } | undefined;
  /** A settle to done was requested, so the entry may be done. */
  mayBeDone: boolean;
  /** The entry may be deleted as expired. */
  mayBeDeleted: boolean;
}

/** Compares the entries after a power cut with what the store had acknowledged before. */
export interface Checker {
  /** Reads one line of the history that the recorded process wrote. */
  read(line: string): void;
  check(entries: readonly Entry[]): CheckResult;
}

export interface CheckResult {
  /** Checked acknowledgements. */
  readonly added: number;
  readonly settled: number;
  /** Acknowledged entries that are gone. */
  readonly lost: readonly string[];
  /** All other differences. */
  readonly wrong: readonly string[];
}

export function createChecker(): Checker {
  const acknowledged = new Map<string, Acknowledged>();
  let isDeleting = false;

  const of = (taskId: string): Acknowledged => {
    let entry = acknowledged.get(taskId);
    if (!entry) acknowledged.set(taskId, (entry = nothingAcknowledged()));
    return entry;
  };

  return {
    read(line) {
      const [what = '', taskId = '', detail = '', attempt = ''] = line.split(' ');
      if (what === 'added' || what === 'duplicate') of(taskId).isAdded = true;
      else if (what === 'claimed') of(taskId).attempts = Number(detail);
      else if (what === 'settled') of(taskId).settled = { type: detail, attempt: Number(attempt) };
      else if (what === 'settling' && detail === 'done') {
        of(taskId).mayBeDone = true;
        of(taskId).mayBeDeleted ||= isDeleting;
      } else if (what === 'deleted') isDeleting = false;
      else if (what === 'deleting') {
        isDeleting = true;
        for (const entry of acknowledged.values()) entry.mayBeDeleted ||= entry.mayBeDone;
      }
    },
    check: (entries) => check(acknowledged, entries),
  };
}

const nothingAcknowledged = (): Acknowledged => ({
  isAdded: false,
  attempts: 0,
  settled: undefined,
  mayBeDone: false,
  mayBeDeleted: false,
});

function check(
  acknowledged: ReadonlyMap<string, Acknowledged>,
  entries: readonly Entry[],
): CheckResult {
  const found = new Map(entries.map((entry) => [entry.taskId, entry]));
  const lost: string[] = [];
  const wrong: string[] = [];
  let added = 0;
  let settled = 0;
  if (found.size !== entries.length) wrong.push('an entry occurs twice');
  for (const entry of entries) {
    if (entry.body !== bodyOf(entry.taskId)) wrong.push(`${entry.taskId} has another body`);
  }
  for (const [taskId, expected] of acknowledged) {
    if (!expected.isAdded || expected.mayBeDeleted) continue;
    added += 1;
    if (expected.settled) settled += 1;
    const entry = found.get(taskId);
    if (!entry) lost.push(taskId);
    else if (!isConsistent(entry, expected)) wrong.push(describe(entry, expected));
  }
  return { added, settled, lost, wrong };
}

/** An entry may be ahead of what was confirmed, but not behind. */
function isConsistent(entry: Entry, { attempts, settled }: Acknowledged): boolean {
  if (entry.attempts < attempts) return false;
  if (settled?.type === 'done' || settled?.type === 'dead') return entry.state === settled.type;
  if (settled?.type !== 'retry') return true;
  return entry.state !== 'running' || entry.attempts > settled.attempt;
}

const describe = ({ taskId, state, attempts }: Entry, expected: Acknowledged): string =>
  `${taskId} is ${state} after ${attempts} attempts, but ${expected.attempts} attempts were ` +
  `claimed and ${expected.settled?.type ?? 'no outcome'} was confirmed`;
