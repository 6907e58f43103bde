import { expect, test } from 'vitest';

import { toSimulatorOptions } from '../src/index.ts';
import { startReceiver, startSimulator, webhook } from './support/setup.ts';

test('toSimulatorOptions: a scenario sets options, and the plan of each task by its rules', async () => {
  const scenario: unknown = JSON.parse(`{
    "seed": 7,
    "taskMs": [1, 5],
    "retry": { "maxRetries": 3, "delayMs": [1, 2] },
    "faults": { "reset": 0 },
    "rateLimit": { "requests": 100 },
    "tasks": [
      { "endpoint": "kling-*", "plan": { "status": "TASK_STATUS_FAILED", "faults": { "drop": 1 } } },
      { "every": 2, "plan": { "reason": "every second" } },
      { "from": 3, "to": 3, "plan": { "reason": "the third" } }
    ]
  }`);
  const receiver = await startReceiver();
  const simulator = await startSimulator(toSimulatorOptions(scenario));
  for (const endpoint of ['txt2img', 'kling-v3.0-pro-t2v', 'txt2img']) {
    await simulator.submit(endpoint, webhook(receiver.url));
  }
  await simulator.idle();
  expect(simulator.report()).toMatchObject({ seed: 7, events: { acknowledged: 2, dropped: 1 } });
  expect(simulator.tasks().map(({ plan }) => [plan.status, plan.reason])).toEqual([
    ['TASK_STATUS_SUCCEED', ''],
    ['TASK_STATUS_FAILED', 'every second'],
    ['TASK_STATUS_SUCCEED', 'the third'],
  ]);
});

test('toSimulatorOptions: the last delay repeats', () => {
  const delaysOf = (delayMs: unknown): (number | undefined)[] => {
    const { retry } = toSimulatorOptions({ retry: { delayMs } });
    return [1, 2, 3, 4].map((n) => retry?.delayMs?.(n));
  };
  expect(delaysOf([10, 20])).toEqual([10, 20, 20, 20]);
  expect(delaysOf(5)).toEqual([5, 5, 5, 5]);
  expect(toSimulatorOptions({}).retry?.delayMs).toBeUndefined();
});

test.each<[unknown, string]>([
  [[], 'scenario: must be an object'],
  [null, 'scenario: must be an object'],
  [{ port: 1 }, 'scenario: port is unknown. Known: '],
  [{ seed: -1 }, 'scenario.seed: must be at least 0'],
  [{ faults: { drop: '1' } }, 'scenario.faults.drop: must be a number from 0 to 1, or an object'],
  [{ faults: { delay: { ms: [2, 1] } } }, 'scenario.faults.delay.ms: the first number must not'],
  [{ tasks: [{ plan: { count: -1 } }] }, 'scenario.tasks.0.plan.count: must be at least 0'],
  [{ tasks: [{ every: 0, plan: {} }] }, 'scenario.tasks.0.every: must be at least 1'],
  [
    { tasks: [{ plan: { transformEvent: 'x' } }] },
    'scenario.tasks.0.plan: transformEvent is unknown',
  ],
  [{ retry: { delayMs: 'x' } }, 'scenario.retry.delayMs: must be milliseconds, or a list of them'],
  [{ retry: { delayMs: [] } }, 'scenario.retry.delayMs: '],
])('toSimulatorOptions: rejects %j', (scenario, message) => {
  expect(() => toSimulatorOptions(scenario)).toThrow(TypeError);
  expect(() => toSimulatorOptions(scenario)).toThrow(`simulator: ${message}`);
});
