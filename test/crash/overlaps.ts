import type { HistoryRecord } from './history.ts';
import { HEARTBEAT_US } from './lease.ts';

/** One run of a handler, from its `begin` record to its `end` record. */
export interface HandlerRun {
  readonly taskId: string;
  readonly handler: string;
  readonly server: string;
  readonly attempt: number;
  readonly from: number;
  /** When the run ended, or its process was killed. */
  readonly to: number;
  readonly result: 'succeeded' | 'failed' | 'aborted' | 'cut off';
}

/** Two runs for one task at the same time. */
export interface Overlap {
  readonly taskId: string;
  readonly first: HandlerRun;
  readonly second: HandlerRun;
  /** The run of the process that had the entry before another process claimed it. */
  readonly loser: HandlerRun;
  /** When the other process began its first run of the entry. */
  readonly takenOverAt: number;
  readonly forMs: number;
}

/** Joins the records of each run. */
export function toRuns(records: readonly HistoryRecord[]): HandlerRun[] {
  const ends = new Map(
    records.flatMap((record) => (record.type === 'end' ? [[record.run, record]] : [])),
  );
  const kills = new Map(
    records.flatMap((record) => (record.type === 'killed' ? [[record.server, record.at]] : [])),
  );
  return records.flatMap((record) => {
    if (record.type !== 'begin') return [];
    const { run, taskId, handler, server, attempt, at: from } = record;
    const end = ends.get(run);
    const to = end?.at ?? kills.get(server) ?? Infinity;
    return [{ taskId, handler, server, attempt, from, to, result: end?.result ?? 'cut off' }];
  });
}

export function findOverlaps(runs: readonly HandlerRun[]): Overlap[] {
  return [...groupByTask(runs).values()].flatMap((ofTask) => {
    const ordered = ofTask.toSorted((one, other) => one.from - other.from);
    return ordered.flatMap((second, index) => {
      const first = ordered.slice(0, index).find(({ to }) => to > second.from);
      return first === undefined ? [] : [toOverlap(first, second, ordered)];
    });
  });
}

/** The run with the higher attempt belongs to the process that claimed the entry last. */
function toOverlap(first: HandlerRun, second: HandlerRun, ofTask: readonly HandlerRun[]): Overlap {
  const [loser, winner] = first.attempt <= second.attempt ? [first, second] : [second, first];
  const takenOverAt = ofTask.find(({ attempt }) => attempt === winner.attempt)?.from ?? winner.from;
  const forMs = (Math.min(first.to, second.to) - second.from) / 1000;
  return { taskId: second.taskId, first, second, loser, takenOverAt, forMs };
}

export function groupByTask(runs: readonly HandlerRun[]): ReadonlyMap<string, HandlerRun[]> {
  const groups = new Map<string, HandlerRun[]>();
  for (const run of runs) {
    const group = groups.get(run.taskId);
    if (group) group.push(run);
    else groups.set(run.taskId, [run]);
  }
  return groups;
}

/**
 * Whether a process stood still when another process claimed its entry. No abort signal can reach
 * such a process, so its handler goes on. An inbox guarantees only that its outcome does not count.
 */
export function stoodStill(
  { loser, takenOverAt }: Overlap,
  records: readonly HistoryRecord[],
): boolean {
  return records.some(
    (record) =>
      record.type === 'stalled' &&
      record.server === loser.server &&
      record.from <= takenOverAt &&
      takenOverAt <= record.at + HEARTBEAT_US,
  );
}
