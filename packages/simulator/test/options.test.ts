import { expect, test } from 'vitest';

import { createSimulator, type SimulatorOptions } from '../src/index.ts';
import { startSimulator } from './support/setup.ts';

test.each<[unknown, string]>([
  [{ port: 65_536 }, 'port: Too big: expected number to be <=65535'],
  [{ port: '80' }, 'port: Invalid input: expected number, received string'],
  [{ taskMs: -1 }, 'taskMs: Too small: expected number to be >=0'],
  [{ taskMs: NaN }, 'taskMs: expected milliseconds, or [min, max] in milliseconds'],
  [{ taskMs: [2, 1] }, 'taskMs: the first number must not be the larger one'],
  [{ queueMs: 'x' }, 'queueMs: expected milliseconds, or [min, max] in milliseconds'],
  [{ seed: 1.5 }, 'seed: Invalid input: expected int, received number'],
  [{ faults: { dorp: 1 } }, 'faults.dorp: unknown option'],
  [{ faults: { drop: 2 } }, 'faults.drop.probability: Too big: expected number to be <=1'],
  [{ faults: { drop: { ms: 5 } } }, 'faults.drop.ms: unknown option'],
  [{ faults: { slow: { ms: [9, 1] } } }, 'faults.slow.ms: the first number must not be the larger'],
  [{ rateLimit: 5 }, 'rateLimit: Invalid input: expected object, received number'],
  [{ rateLimit: { requests: 0 } }, 'rateLimit.requests: Too small: expected number to be >=1'],
  [{ retentionMs: -1 }, 'retentionMs: Too small: expected number to be >=0'],
  [{ retiredEndpoints: 'x' }, 'retiredEndpoints: Invalid input: expected array'],
  [
    { endpointsWithoutWebhooks: ['a b'] },
    'endpointsWithoutWebhooks.0: expected the name of an endpoint, such as txt2img or wan-*',
  ],
  [{ retry: 3 }, 'retry: Invalid input: expected object, received number'],
  [
    { retry: { maxRetries: 1.5 } },
    'retry.maxRetries: Invalid input: expected int, received number',
  ],
  [{ retry: { maxRetries: 101 } }, 'retry.maxRetries: Too big: expected number to be <=100'],
  [{ retry: { delayMs: 5 } }, 'retry.delayMs: expected a function'],
  [{ retry: { delayMs: () => -1 } }, 'retry.delayMs(1): Too small: expected number to be >=0'],
  [{ retry: { delayMs: () => 'x' } }, 'retry.delayMs(1): Invalid input: expected number'],
  [{ retry: { tries: 5 } }, 'retry.tries: unknown option'],
  [{ deliveryTimeoutMs: 0 }, 'deliveryTimeoutMs: Too small: expected number to be >=1'],
  [
    { deliveryTimeoutMs: 2 ** 31 },
    'deliveryTimeoutMs: Too big: expected number to be <=2147483647',
  ],
  [{ linkTtlMs: 999 }, 'linkTtlMs: Too small: expected number to be >=1000'],
  [{ apiKey: '' }, 'apiKey: Too small: expected string to have >=1 characters'],
  [{ allowRemote: 1 }, 'allowRemote: Invalid input: expected boolean, received number'],
  [{ concurrency: 0 }, 'concurrency: Too small: expected number to be >=1'],
  [{ plan: {} }, 'plan: expected a function'],
  [{ onDelivery: 'x' }, 'onDelivery: expected a function'],
  [{ now: () => 'today' }, 'now(): Invalid input: expected number, received string'],
  [{ taskMS: 5, Port: 1 }, 'taskMS: unknown option; Port: unknown option'],
  [[], 'options: Invalid input: expected object, received array'],
])('createSimulator: rejects %j', async (options, message) => {
  const creating = createSimulator(options as SimulatorOptions);
  await expect(creating).rejects.toThrow(TypeError);
  await expect(creating).rejects.toThrow(`simulator: ${message}`);
});

test('createSimulator: an error never quotes the API key', async () => {
  const creating = createSimulator({ apiKey: { key: 'sk-secret' } as unknown as string });
  await expect(creating).rejects.toThrow('simulator: apiKey: Invalid input: expected string');
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
