import type { Line } from './history.ts';

/** One run of a handler, from its first line to its last. */
export interface HandlerRun {
  readonly taskId: string;
  readonly handler: string;
  readonly victim: string;
  readonly attempt: number;
  readonly from: number;
  /** When it ended, or its process did. */
  readonly to: number;
  readonly how: 'succeeded' | 'failed' | 'aborted' | 'cut off';
}

/** Two runs for one task at the same time. */
export interface Overlap {
  readonly taskId: string;
  readonly first: HandlerRun;
  readonly second: HandlerRun;
  /** The worker that had the entry before the other one took it over. */
  readonly loser: HandlerRun;
  readonly takenOverAt: number;
  readonly forMs: number;
}

/** Puts the lines of a journal together. */
export function toRuns(lines: readonly Line[]): HandlerRun[] {
  const ends = new Map(lines.flatMap((line) => (line.type === 'end' ? [[line.run, line]] : [])));
  const deaths = deathsIn(lines);
  return lines.flatMap((line) => {
    if (line.type !== 'begin') return [];
    const { run, taskId, handler, victim, attempt, at: from } = line;
    const end = ends.get(run);
    const to = end?.at ?? deaths.get(victim) ?? Infinity;
    return [{ taskId, handler, victim, attempt, from, to, how: end?.how ?? 'cut off' }];
  });
}

/** When each victim was killed. */
function deathsIn(lines: readonly Line[]): ReadonlyMap<string, number> {
  return new Map(lines.flatMap((line) => (line.type === 'killed' ? [[line.victim, line.at]] : [])));
}

export function findOverlaps(runs: readonly HandlerRun[]): Overlap[] {
  return [...groupByTask(runs).values()].flatMap((ofTask) => {
    const ordered = ofTask.toSorted((one, other) => one.from - other.from);
    return ordered.flatMap((second, index) => {
      const first = ordered.slice(0, index).find(({ to }) => to > second.from);
      if (first === undefined) return [];
      return [toOverlap(first, second, ordered)];
    });
  });
}

/** Each take-over begins another attempt. */
function toOverlap(first: HandlerRun, second: HandlerRun, ofTask: readonly HandlerRun[]): Overlap {
  const [loser, taker] = first.attempt <= second.attempt ? [first, second] : [second, first];
  const takenOverAt = ofTask.find(({ attempt }) => attempt === taker.attempt)?.from ?? taker.from;
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

/** How long its event loop may take to notice, after it stood still. */
const NOTICE_US = 50_000;

/**
 * Whether a process stood still when another one took its entry over. No signal reaches such a
 * process, so this is told apart: its outcome does not count, which is all that can be promised.
 */
export function stoodStill({ loser, takenOverAt }: Overlap, lines: readonly Line[]): boolean {
  return lines.some(
    (line) =>
      line.type === 'stalled' &&
      line.victim === loser.victim &&
      line.from <= takenOverAt &&
      takenOverAt <= line.at + NOTICE_US,
  );
}
