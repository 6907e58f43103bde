import { expect, test } from 'vitest';

import { createSimulator, type SimulatorOptions } from '../src/index.ts';
import { startSimulator } from './support/setup.ts';

test.each<[unknown, string]>([
  [{ port: 65_536 }, 'port: must be at most 65535'],
  [{ port: '80' }, 'port: must be a number'],
  [{ taskMs: -1 }, 'taskMs: must be at least 0'],
  [{ taskMs: NaN }, 'taskMs: must be milliseconds, or [min, max] in milliseconds'],
  [{ taskMs: [2, 1] }, 'taskMs: the first number must not be the larger one'],
  [{ queueMs: 'x' }, 'queueMs: must be milliseconds, or [min, max] in milliseconds'],
  [{ seed: 1.5 }, 'seed: must be a whole number'],
  [{ faults: { dorp: 1 } }, 'faults: dorp is unknown. Known: '],
  [{ faults: { drop: 2 } }, 'faults.drop.probability: must be at most 1'],
  [{ faults: { drop: { ms: 5 } } }, 'faults.drop: ms is unknown. Known: '],
  [{ faults: { slow: { ms: [9, 1] } } }, 'faults.slow.ms: the first number must not be the larger'],
  [{ rateLimit: 5 }, 'rateLimit: must be an object'],
  [{ rateLimit: { requests: 0 } }, 'rateLimit.requests: must be at least 1'],
  [{ retentionMs: -1 }, 'retentionMs: must be at least 0'],
  [{ retiredEndpoints: 'x' }, 'retiredEndpoints: must be a list'],
  [
    { endpointsWithoutWebhooks: ['a b'] },
    'endpointsWithoutWebhooks.0: must be the name of an endpoint, such as txt2img or wan-*',
  ],
  [{ retry: 3 }, 'retry: must be an object'],
  [{ retry: { maxRetries: 1.5 } }, 'retry.maxRetries: must be a whole number'],
  [{ retry: { maxRetries: 101 } }, 'retry.maxRetries: must be at most 100'],
  [{ retry: { delayMs: 5 } }, 'retry.delayMs: must be a function'],
  [{ retry: { delayMs: () => -1 } }, 'retry.delayMs(1): must be at least 0'],
  [{ retry: { delayMs: () => 'x' } }, 'retry.delayMs(1): must be a number'],
  [{ retry: { tries: 5 } }, 'retry: tries is unknown. Known: '],
  [{ deliveryTimeoutMs: 0 }, 'deliveryTimeoutMs: must be at least 1'],
  [{ deliveryTimeoutMs: 2 ** 31 }, 'deliveryTimeoutMs: must be at most 2147483647'],
  [{ linkTtlMs: 999 }, 'linkTtlMs: must be at least 1000'],
  [{ apiKey: '' }, 'apiKey: must have at least 1 character'],
  [{ allowRemote: 1 }, 'allowRemote: must be true or false'],
  [{ concurrency: 0 }, 'concurrency: must be at least 1'],
  [{ plan: {} }, 'plan: must be a function'],
  [{ onDelivery: 'x' }, 'onDelivery: must be a function'],
  [{ now: () => 'today' }, 'now(): must be a number'],
  [{ taskMS: 5, Port: 1 }, 'options: taskMS, Port are unknown. Known: port, taskMs'],
  [[], 'options: must be an object'],
])('createSimulator: rejects %j', async (options, message) => {
  const creating = createSimulator(options as SimulatorOptions);
  await expect(creating).rejects.toThrow(TypeError);
  await expect(creating).rejects.toThrow(`simulator: ${message}`);
});

test('createSimulator: an error never quotes the API key', async () => {
  const creating = createSimulator({ apiKey: { key: 'sk-secret' } as unknown as string });
  await expect(creating).rejects.toThrow('simulator: apiKey: must be a text');
  await expect(creating).rejects.not.toThrow('sk-secret');
});

test('createSimulator: uses the default for an option that is undefined', async () => {
  const simulator = await startSimulator({
    taskMs: undefined,
    retry: undefined,
    apiKey: undefined,
  });
  expect(simulator.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
});

test('createSimulator: rejects a port that is in use', async () => {
  const first = await startSimulator();
  const port = Number(new URL(first.url).port);
  await expect(createSimulator({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  await first.close();
  expect((await startSimulator({ port })).url).toBe(first.url);
});
