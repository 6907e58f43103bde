import { FROZEN } from './freeze.ts';
import { POINTS, type PointName } from './kill-points.ts';
import type { Series } from './series.ts';
import { countCycles, countOverlaps, countRepeats, countTasks } from './count-results.ts';
import type { Repeats, Row, Rows } from './count-results.ts';

/** What is to be said of a run. */
export interface Verdict {
  readonly rows: readonly Row[];
  readonly total: Row;
  /** Runs beside one whose process stood still; no part of the overlaps above. */
  readonly stalled: number;
  readonly frozen: {
    readonly workers: number;
    readonly takenOver: number;
    readonly counted: number;
  };
  readonly repeats: Repeats;
  /** Longest time for which a frozen worker's handler went on after it woke up. */
  readonly afterThawMs: number;
  readonly broken: readonly string[];
  /** What went wrong, a line each. */
  readonly findings: readonly string[];
}

const FIELDS = ['cycles', 'armed', 'hits', 'acknowledged', 'kept', 'handled', 'twice'] as const;
const WRONGS = ['overlapping', 'lost'] as const;

/** Holds everything against what was promised. */
export function judge(all: readonly Series[], points: readonly PointName[]): Verdict {
  const isTransactional = all.some(({ ledger }) => ledger !== null);
  const rows: Rows = new Map(
    [...points, FROZEN].map((name) => [name, emptyRow(titleOf(name), isTransactional)]),
  );
  const details: string[] = [];
  const overlaps = all.map((series) => {
    countCycles(series, rows);
    countTasks(series, rows, details);
    const repeats = countRepeats(series, rows, details);
    return { ...countOverlaps(series, rows, details), ...repeats };
  });
  const total = sum([...rows.values()], isTransactional);
  const freezes = all.flatMap(({ freeze }) => freeze ?? []);
  const add = (values: readonly number[]) => values.reduce((one, other) => one + other, 0);
  const frozen = {
    workers: freezes.length,
    takenOver: add(freezes.map(({ takenOver }) => takenOver.length)),
    counted: add(freezes.map(({ counted }) => counted)),
  };
  const verdict = {
    rows: [...rows.values()].filter(({ title, cycles }) => title !== FROZEN || cycles > 0),
    total,
    frozen,
    stalled: add(overlaps.map(({ stalled }) => stalled)),
    repeats: {
      killed: add(overlaps.map(({ killed }) => killed)),
      stoodStill: add(overlaps.map(({ stoodStill }) => stoodStill)),
      unexplained: add(overlaps.map(({ unexplained }) => unexplained)),
      longestMs: Math.max(0, ...overlaps.map(({ longestMs }) => longestMs)),
    },
    afterThawMs: Math.max(0, ...overlaps.map(({ afterThawMs }) => afterThawMs)),
    broken: all.flatMap(({ broken }) => broken),
  };
  return { ...verdict, findings: [...findingsOf(verdict), ...details.slice(0, 20)] };
}

function titleOf(name: string): string {
  return name in POINTS ? POINTS[name as PointName].title : name;
}

function emptyRow(title: string, isTransactional: boolean): Row {
  const none = { cycles: 0, armed: 0, hits: 0, acknowledged: 0, kept: 0, handled: 0, twice: 0 };
  return { title, ...none, overlapping: 0, lost: 0, ledgerWrong: isTransactional ? 0 : null };
}

function sum(rows: readonly Row[], isTransactional: boolean): Row {
  const total = emptyRow('total', isTransactional);
  for (const row of rows) {
    for (const field of [...FIELDS, ...WRONGS]) total[field] += row[field];
    if (total.ledgerWrong !== null) total.ledgerWrong += row.ledgerWrong ?? 0;
  }
  return total;
}

function findingsOf(verdict: Omit<Verdict, 'findings'>): string[] {
  const { rows, total, frozen, repeats, broken } = verdict;
  const missed = rows.filter(({ hits }) => hits === 0);
  return [
    ...(total.lost > 0 ? [`${total.lost} acknowledged events were lost`] : []),
    ...(total.overlapping > 0 ? [`${total.overlapping} runs were beside another`] : []),
    ...(total.ledgerWrong ? [`${total.ledgerWrong} tasks have not exactly one ledger row`] : []),
    ...(frozen.counted > 0 ? [`${frozen.counted} late outcomes of frozen workers counted`] : []),
    ...(repeats.unexplained > 0
      ? [`${repeats.unexplained} runs again have nothing to explain them`]
      : []),
    ...missed.map(({ title, cycles }) =>
      cycles > 0 ? `nothing was ever hit: ${title}` : `too few cycles for: ${title}`,
    ),
    ...broken,
  ];
}
