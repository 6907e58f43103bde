import { FROZEN } from './freeze.ts';
import { KILL_POINTS, type KillPointName } from './kill-points.ts';
import type { Series } from './series.ts';
import { countCycles, countOverlaps, countRepeats, countTasks } from './count-results.ts';
import type { Repeats, Row, Rows } from './count-results.ts';

/** What a crash test found. */
export interface Results {
  readonly rows: readonly Row[];
  readonly total: Row;
  /** Overlaps with a process that stood still. The rows do not count them as overlapping. */
  readonly stalled: number;
  readonly frozen: {
    readonly workers: number;
    readonly takenOver: number;
    readonly counted: number;
  };
  readonly repeats: Repeats;
  /** Longest time for which the handler of a frozen process went on after the thaw. */
  readonly afterThawMs: number;
  readonly processFailures: readonly string[];
  /** Violated guarantees, a line each. */
  readonly findings: readonly string[];
}

const FIELDS = ['cycles', 'armed', 'hits', 'acknowledged', 'kept', 'handled', 'repeated'] as const;
const VIOLATIONS = ['overlapping', 'lost'] as const;

/** Compares what all series recorded with the guarantees of an inbox. */
export function checkSeries(all: readonly Series[], killPoints: readonly KillPointName[]): Results {
  const isTransactional = all.some(({ ledger }) => ledger !== null);
  const rows: Rows = new Map(
    [...killPoints, FROZEN].map((name) => [name, emptyRow(titleOf(name), isTransactional)]),
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
  const results = {
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
    processFailures: all.flatMap(({ processFailures }) => processFailures),
  };
  return { ...results, findings: [...findingsOf(results), ...details.slice(0, 20)] };
}

function titleOf(name: string): string {
  return name in KILL_POINTS ? KILL_POINTS[name as KillPointName].title : name;
}

function emptyRow(title: string, isTransactional: boolean): Row {
  const none = { cycles: 0, armed: 0, hits: 0, acknowledged: 0, kept: 0, handled: 0, repeated: 0 };
  return { title, ...none, overlapping: 0, lost: 0, ledgerWrong: isTransactional ? 0 : null };
}

function sum(rows: readonly Row[], isTransactional: boolean): Row {
  const total = emptyRow('total', isTransactional);
  for (const row of rows) {
    for (const field of [...FIELDS, ...VIOLATIONS]) total[field] += row[field];
    if (total.ledgerWrong !== null) total.ledgerWrong += row.ledgerWrong ?? 0;
  }
  return total;
}

function findingsOf(results: Omit<Results, 'findings'>): string[] {
  const { rows, total, frozen, repeats, processFailures } = results;
  const missed = rows.filter(({ hits }) => hits === 0);
  return [
    ...(total.lost > 0 ? [`${total.lost} acknowledged events were lost`] : []),
    ...(total.overlapping > 0 ? [`${total.overlapping} runs overlapped with another run`] : []),
    ...(total.ledgerWrong ? [`${total.ledgerWrong} tasks do not have exactly one ledger row`] : []),
    ...(frozen.counted > 0
      ? [`the inbox recorded ${frozen.counted} late outcomes of frozen workers`]
      : []),
    ...(repeats.unexplained > 0
      ? [`${repeats.unexplained} runs were repeated without a cause`]
      : []),
    ...missed.map(({ title, cycles }) =>
      cycles > 0 ? `no process reached the kill point: ${title}` : `too few cycles for: ${title}`,
    ),
    ...processFailures,
  ];
}
