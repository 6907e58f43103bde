import type { Entry } from '@novita-webhooks/core';

import { bodyOf } from './test-entries.ts';

/** What was promised about an entry. */
interface Promised {
  /** That it is kept. */
  kept: boolean;
  /** Attempts that somebody was told to have begun. */
  attempts: number;
  /** The last outcome that was confirmed, and of which attempt. */
  settled: { readonly type: string; readonly attempt: number } | undefined;
  /** It may be done by now, whether that was confirmed or not. */
  doneAsked: boolean;
  /** It may be gone by now, rightly. */
  purgeable: boolean;
}

/** What a store has promised until the power was cut. */
export interface Ledger {
  /** Reads a line of the victim. */
  read(line: string): void;
  /** What is wrong with what was found afterwards. */
  audit(entries: readonly Entry[]): Audit;
}

export interface Audit {
  /** Promises that were looked at. */
  readonly kept: number;
  readonly settled: number;
  /** Entries that were promised to be kept, and are gone. */
  readonly lost: readonly string[];
  /** Whatever else is not as promised. */
  readonly wrong: readonly string[];
}

export function createLedger(): Ledger {
  const promises = new Map<string, Promised>();
  let isPurging = false;

  const of = (taskId: string): Promised => {
    let promised = promises.get(taskId);
    if (!promised) promises.set(taskId, (promised = nothingPromised()));
    return promised;
  };

  return {
    read(line) {
      const [what = '', taskId = '', detail = '', attempt = ''] = line.split(' ');
      if (what === 'added' || what === 'duplicate') of(taskId).kept = true;
      else if (what === 'claimed') of(taskId).attempts = Number(detail);
      else if (what === 'settled') of(taskId).settled = { type: detail, attempt: Number(attempt) };
      else if (what === 'settling' && detail === 'done') {
        of(taskId).doneAsked = true;
        of(taskId).purgeable ||= isPurging;
      } else if (what === 'purged') isPurging = false;
      else if (what === 'purging') {
        isPurging = true;
        for (const promised of promises.values()) promised.purgeable ||= promised.doneAsked;
      }
    },
    audit: (entries) => audit(promises, entries),
  };
}

const nothingPromised = (): Promised => ({
  kept: false,
  attempts: 0,
  settled: undefined,
  doneAsked: false,
  purgeable: false,
});

function audit(promises: ReadonlyMap<string, Promised>, entries: readonly Entry[]): Audit {
  const found = new Map(entries.map((entry) => [entry.taskId, entry]));
  const lost: string[] = [];
  const wrong: string[] = [];
  let kept = 0;
  let settled = 0;
  if (found.size !== entries.length) wrong.push('an entry is there twice');
  for (const entry of entries) {
    if (entry.body !== bodyOf(entry.taskId)) wrong.push(`${entry.taskId} has another body`);
  }
  for (const [taskId, promised] of promises) {
    if (!promised.kept || promised.purgeable) continue;
    kept += 1;
    if (promised.settled) settled += 1;
    const entry = found.get(taskId);
    if (!entry) lost.push(taskId);
    else if (!isAsPromised(entry, promised)) wrong.push(describe(entry, promised));
  }
  return { kept, settled, lost, wrong };
}

/** An entry may have gone further than was confirmed, but not be back where it was. */
function isAsPromised(entry: Entry, { attempts, settled }: Promised): boolean {
  if (entry.attempts < attempts) return false;
  if (settled?.type === 'done' || settled?.type === 'dead') return entry.state === settled.type;
  if (settled?.type !== 'retry') return true;
  return entry.state !== 'running' || entry.attempts > settled.attempt;
}

const describe = ({ taskId, state, attempts }: Entry, promised: Promised): string =>
  `${taskId} is ${state} after ${attempts} attempts, but ${promised.attempts} were begun and ` +
  `${promised.settled?.type ?? 'nothing'} was confirmed`;
