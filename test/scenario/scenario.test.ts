import { expect, test } from 'vitest';

import { compareWithInbox } from './compare-with-inbox.ts';
import { everyFault } from './every-fault.ts';
import { runScenario } from './run-scenario.ts';

test('every fault, sqlite: the report of the simulator and the inbox agree', async () => {
  const tasks = 80;
  const { differences, before, after, askedFor } = await runScenario({
    ...{ engine: 'sqlite', tasks, seed: 7 },
  });
  expect(differences).toEqual([]);
  expect(Object.keys(before.faults).toSorted()).toEqual(
    Object.keys(everyFault.faults ?? {}).toSorted(),
  );
  expect(before.unacknowledged.length).toBeGreaterThan(0); // serve was not running yet
  expect(before.dropped.length).toBeGreaterThan(0);
  expect(after.events).toEqual({ acknowledged: tasks - askedFor, none: askedFor });
}, 120_000);

test('compareWithInbox: finds lost, unhandled, changed, foreign and doubled entries', () => {
  const task = (id: string, eventState: string) => ({
    id,
    eventState,
    status: 'TASK_STATUS_SUCCEED',
  });
  const entry = (taskId: string, state: string, status = 'TASK_STATUS_SUCCEED') => ({
    ...{ taskId, state, status },
  });
  const tasks = [
    ...['a', 'b', 'c', 'd'].map((id) => task(id, 'acknowledged')),
    ...[task('e', 'dropped'), task('f', 'none'), task('g', 'unacknowledged')],
  ];
  const entries = [
    ...[entry('b', 'dead'), entry('c', 'done', 'TASK_STATUS_FAILED'), entry('d', 'done')],
    ...[entry('e', 'done'), entry('g', 'done'), entry('h', 'done'), entry('h', 'done')],
  ];
  expect(compareWithInbox(tasks as never, entries)).toEqual([
    'a: acknowledged, and the inbox has no entry',
    'b: acknowledged, and its entry is dead',
    'c: TASK_STATUS_SUCCEED, and its entry TASK_STATUS_FAILED',
    'e: dropped, and it has an entry',
    ...['h: an entry, and no task', 'h: an entry, and no task'],
    'the inbox has two entries of a task',
  ]);
});
