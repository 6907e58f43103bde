import { describe, expect, test } from 'vitest';

import { findPostgres, findRedis } from '../support/services.ts';
import type { HistoryRecord, RunResult } from './history.ts';
import { checkSeries } from './checker.ts';
import { runCrashTest } from './run-crash-test.ts';
import type { Series } from './series.ts';
import { toResultsTable } from './results-table.ts';

const TIMEOUT_MS = 180_000;
const load = { events: 60, simulated: 6 };
const OVERLAP = '1 runs overlapped with another run';
const UNEXPLAINED = '1 runs were repeated without a cause';

/** Each of the eleven kill points twice. `npm run test:crash` runs more cycles. */
test(
  'sqlite: killed processes lose no acknowledged event, and no two runs overlap',
  async () => {
    const results = await runCrashTest({ engine: 'sqlite', cycles: 22, seed: 5, load });
    console.log(toResultsTable(results));
    expect(results.findings).toEqual([]);
    expect(results.total.acknowledged).toBeGreaterThan(500);
    expect(results.frozen.takenOver).toBeGreaterThan(0);
  },
  TIMEOUT_MS,
);

const server = await findPostgres('crashes of processes with a PostgreSQL inbox');

test.skipIf(server === undefined)(
  'postgres: killed processes lose no acknowledged event, and no two runs overlap',
  async () => {
    const results = await runCrashTest({ engine: 'postgres', cycles: 12, seed: 5, load });
    console.log(toResultsTable(results));
    expect(results.findings).toEqual([]);
    expect(results.total.acknowledged).toBeGreaterThan(300);
    expect(results.frozen.takenOver).toBeGreaterThan(0);
  },
  TIMEOUT_MS,
);

const redis = await findRedis('crashes of processes with a BullMQ inbox');

test.skipIf(redis === undefined)(
  'bullmq: killed processes lose no acknowledged event, and no two runs overlap',
  async () => {
    const results = await runCrashTest({ engine: 'bullmq', cycles: 9, seed: 8, load });
    console.log(toResultsTable(results));
    expect(results.findings).toEqual([]);
    expect(results.total.acknowledged).toBeGreaterThan(200);
    expect(results.frozen.takenOver).toBeGreaterThan(0);
  },
  TIMEOUT_MS,
);

describe('the checker reports', () => {
  test(
    'the events that a memory inbox loses',
    async () => {
      const results = await runCrashTest({ engine: 'memory', cycles: 4, seed: 5, load });
      expect(results.total.lost).toBeGreaterThan(0);
      expect(results.total.lost + results.total.kept).toBeGreaterThanOrEqual(
        results.total.acknowledged,
      );
      expect(results.findings).toContainEqual(
        expect.stringContaining('acknowledged events were lost'),
      );
    },
    TIMEOUT_MS,
  );

  const whole: Series = {
    cycles: [{ point: 'random', armed: 1, hits: 1 }],
    freeze: null,
    acknowledged: new Map([['task', 'random']]),
    states: new Map([['task', 'done']]),
    ledger: { task: 1 },
    history: ran('one', 0, 100),
    processFailures: [],
  };
  const findings = (change: Partial<Series>) =>
    checkSeries([{ ...whole, ...change }], ['random']).findings;

  test('nothing for a history without violations', () => {
    expect(findings({})).toEqual([]);
  });

  test.each<[string, Partial<Series>, string]>([
    ['an entry that is missing', { states: new Map() }, '1 acknowledged events were lost'],
    ['an entry that is not done', { states: new Map([['task', 'dead']]) }, '1 acknowledged events'],
    ['an entry without a run', { history: [] }, '1 acknowledged events were lost'],
    ['an entry whose runs failed', { history: ran('one', 0, 9, 'failed') }, '1 acknowledged'],
    [
      'a run that overlaps with the end of another',
      { history: both(ran('two', 50, 150)) },
      OVERLAP,
    ],
    ['a run within another run', { history: both(ran('two', 50, 60)) }, OVERLAP],
    [
      'a run that overlaps with a run that is cut off later',
      { history: [...ran('two', 0), killed('two', 50), ...ran('one', 40, 60)] },
      OVERLAP,
    ],
    [
      'a repeated run although the first process was alive',
      { history: both(ran('two', 100, 200)) },
      UNEXPLAINED,
    ],
    [
      'a repeated run before the first process was killed',
      { history: both([...ran('two', 100, 200), killed('one', 110)]) },
      UNEXPLAINED,
    ],
    [
      'a repeated run although the first process stood still before its success',
      { history: both([stalled('one', 10, 90), ...ran('two', 100, 200)]) },
      UNEXPLAINED,
    ],
    ['two ledger rows', { ledger: { task: 2 } }, 'do not have exactly one ledger row'],
    ['no ledger row', { ledger: {} }, 'do not have exactly one ledger row'],
    [
      'a late outcome that the inbox recorded',
      { freeze: { server: 'two', takenOver: ['task'], counted: 1 } },
      'late outcomes',
    ],
    [
      'a kill point that no process reached',
      { cycles: [{ point: 'random', armed: 1, hits: 0 }] },
      'no process reached the kill point: at random',
    ],
    ['a process that crashed', { processFailures: ['one crashed'] }, 'one crashed'],
  ])('%s', (_, change, finding) => {
    const expected: unknown = expect.stringContaining(finding);
    expect(findings(change)).toContainEqual(expected);
  });

  test.each<[string, Partial<Series>]>([
    [
      'a repeated run after a kill between success and settle',
      { history: both([killed('one', 110), ...ran('two', 150, 200)]) },
    ],
    [
      'an overlap with a frozen run that succeeds after the thaw',
      {
        freeze: { server: 'two', takenOver: ['task'], counted: 0 },
        history: [
          ...ran('two', 0, 95),
          { type: 'frozen', server: 'two', point: 'handler', at: 5 },
          { type: 'thawed', server: 'two', at: 90 },
          ...ran('one', 80, 200),
        ],
      },
    ],
    [
      'a repeated run after a stall between success and settle',
      { history: both([stalled('one', 110, 900), ...ran('two', 800, 850)]) },
    ],
    [
      'a run after a run that was cut off',
      { history: [...ran('two', 0), killed('two', 50), ...ran('one', 50, 60)] },
    ],
  ])('nothing for %s', (_, change) => {
    expect(findings(change)).toEqual([]);
  });

  function both(other: readonly HistoryRecord[]): readonly HistoryRecord[] {
    return [...whole.history, ...other];
  }
});

/** A run. Without `to`, it is cut off when its process is killed. */
function ran(
  server: string,
  from: number,
  to?: number,
  result: RunResult = 'succeeded',
): HistoryRecord[] {
  const run = `${server}.1`;
  const work = { run, server, handler: 'work', taskId: 'task', attempt: 1 } as const;
  const begin: HistoryRecord = { type: 'begin', ...work, at: from };
  return to === undefined ? [begin] : [begin, { type: 'end', run, result, at: to }];
}

function killed(server: string, at: number): HistoryRecord {
  return { type: 'killed', server, point: 'random', at };
}

function stalled(server: string, from: number, at: number): HistoryRecord {
  return { type: 'stalled', server, from, at };
}
