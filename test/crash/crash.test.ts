import { describe, expect, test } from 'vitest';

import { findPostgres, findRedis } from '../support/services.ts';
import type { Line, RunEnd } from './history.ts';
import { judge } from './checker.ts';
import { run } from './run-crash-test.ts';
import type { Series } from './series.ts';
import { toTable } from './results-table.ts';

const PATIENCE_MS = 180_000;
const load = { events: 60, simulated: 6 };

/** The long version is `npm run test:crash`. Eleven points, each of them twice. */
test(
  'whatever is killed when: no acknowledged event is lost, none runs twice at a time',
  async () => {
    const verdict = await run({ engine: 'sqlite', cycles: 22, seed: 5, load });
    console.log(toTable(verdict));
    expect(verdict.findings).toEqual([]);
    expect(verdict.total.acknowledged).toBeGreaterThan(500);
    expect(verdict.frozen.takenOver).toBeGreaterThan(0);
  },
  PATIENCE_MS,
);

const server = await findPostgres('processes with a PostgreSQL inbox that are killed');

test.skipIf(server === undefined)(
  'the same on PostgreSQL',
  async () => {
    const verdict = await run({ engine: 'postgres', cycles: 12, seed: 5, load });
    console.log(toTable(verdict));
    expect(verdict.findings).toEqual([]);
    expect(verdict.total.acknowledged).toBeGreaterThan(300);
    expect(verdict.frozen.takenOver).toBeGreaterThan(0);
  },
  PATIENCE_MS,
);

const redis = await findRedis('what is left of a BullMQ inbox when processes are killed');

test.skipIf(redis === undefined)(
  'nor with BullMQ, between several processes',
  async () => {
    const verdict = await run({ engine: 'bullmq', cycles: 9, seed: 8, load });
    console.log(toTable(verdict));
    expect(verdict.findings).toEqual([]);
    expect(verdict.total.acknowledged).toBeGreaterThan(200);
    expect(verdict.frozen.takenOver).toBeGreaterThan(0);
  },
  PATIENCE_MS,
);

describe('the harness notices', () => {
  test(
    'when events are lost, as those of a memory inbox are',
    async () => {
      const verdict = await run({ engine: 'memory', cycles: 4, seed: 5, load });
      expect(verdict.total.lost).toBeGreaterThan(0);
      expect(verdict.total.lost + verdict.total.kept).toBeGreaterThanOrEqual(
        verdict.total.acknowledged,
      );
      expect(verdict.findings).toContainEqual(
        expect.stringContaining('acknowledged events were lost'),
      );
    },
    PATIENCE_MS,
  );

  const whole: Series = {
    cycles: [{ point: 'random', armed: 1, hits: 1 }],
    freeze: null,
    acknowledged: new Map([['task', 'random']]),
    states: new Map([['task', 'done']]),
    ledger: { task: 1 },
    journal: ran('one', 0, 100),
    broken: [],
  };
  const findings = (change: Partial<Series>) =>
    judge([{ ...whole, ...change }], ['random']).findings;

  test('nothing where there is nothing', () => {
    expect(findings({})).toEqual([]);
  });

  test.each<[string, Partial<Series>, string]>([
    ['an entry that is gone', { states: new Map() }, '1 acknowledged events were lost'],
    ['one that is not done', { states: new Map([['task', 'dead']]) }, '1 acknowledged events'],
    ['one that nobody handled', { journal: [] }, '1 acknowledged events were lost'],
    ['one whose handler only failed', { journal: ran('one', 0, 9, 'failed') }, '1 acknowledged'],
    ['a run beside another', { journal: both(ran('two', 50, 150)) }, '1 runs were beside'],
    ['a run within another', { journal: both(ran('two', 50, 60)) }, '1 runs were beside'],
    [
      'a run beside one that is cut off later',
      { journal: [...ran('two', 0), killed('two', 50), ...ran('one', 40, 60)] },
      '1 runs were beside',
    ],
    [
      'a run again although its process lived',
      { journal: both(ran('two', 100, 200)) },
      '1 runs again have nothing to explain them',
    ],
    [
      'a run again before its process was killed',
      { journal: both([...ran('two', 100, 200), killed('one', 110)]) },
      '1 runs again have nothing to explain them',
    ],
    [
      'a run again after its process had stood still',
      { journal: both([stalled('one', 10, 90), ...ran('two', 100, 200)]) },
      '1 runs again have nothing to explain them',
    ],
    ['two ledger rows', { ledger: { task: 2 } }, 'not exactly one ledger row'],
    ['no ledger row', { ledger: {} }, 'not exactly one ledger row'],
    [
      'a late outcome that counts',
      { freeze: { victim: 'two', takenOver: ['task'], counted: 1 } },
      'late outcomes',
    ],
    [
      'a point that was never hit',
      { cycles: [{ point: 'random', armed: 1, hits: 0 }] },
      'nothing was ever hit: at random',
    ],
    ['a process that ended of its own', { broken: ['one broke'] }, 'one broke'],
  ])('%s', (_, change, finding) => {
    const expected: unknown = expect.stringContaining(finding);
    expect(findings(change)).toContainEqual(expected);
  });

  test.each<[string, Partial<Series>]>([
    [
      'a run after one that had succeeded and was killed before that was recorded',
      { journal: both([killed('one', 110), ...ran('two', 150, 200)]) },
    ],
    [
      'a run beside one that was frozen, and succeeds when it wakes up',
      {
        freeze: { victim: 'two', takenOver: ['task'], counted: 0 },
        journal: [
          ...ran('two', 0, 95),
          { type: 'frozen', victim: 'two', point: 'handler', at: 5 },
          { type: 'thawed', victim: 'two', at: 90 },
          ...ran('one', 80, 200),
        ],
      },
    ],
    [
      'a run after one whose process stood still before it was recorded',
      { journal: both([stalled('one', 110, 900), ...ran('two', 800, 850)]) },
    ],
    [
      'a run after one that was cut off',
      { journal: [...ran('two', 0), killed('two', 50), ...ran('one', 50, 60)] },
    ],
  ])('but allows %s', (_, change) => {
    expect(findings(change)).toEqual([]);
  });

  function both(other: readonly Line[]): readonly Line[] {
    return [...whole.journal, ...other];
  }
});

/** A run that succeeds. Without an end it is cut off when its process is killed. */
function ran(victim: string, from: number, to?: number, how: RunEnd = 'succeeded'): Line[] {
  const run = `${victim}.1`;
  const work = { run, victim, handler: 'work', taskId: 'task', attempt: 1 } as const;
  const begin: Line = { type: 'begin', ...work, at: from };
  return to === undefined ? [begin] : [begin, { type: 'end', run, how, at: to }];
}

function killed(victim: string, at: number): Line {
  return { type: 'killed', victim, point: 'random', at };
}

function stalled(victim: string, from: number, at: number): Line {
  return { type: 'stalled', victim, from, at };
}
