import { expect, test } from 'vitest';

import { createSimulator, type SimulatorOptions } from '../src/index.ts';
import { simulate } from './support/setup.ts';

test.each<[unknown, ErrorConstructor, string]>([
  [{ port: 65_536 }, RangeError, 'options.port must be a whole number from 0 to 65535, got 65536'],
  [{ port: '80' }, TypeError, "options.port must be a whole number, got '80'"],
  [{ taskMs: -1 }, RangeError, 'options.taskMs must be a number from 0 to 2147483647, got -1'],
  [{ taskMs: NaN }, RangeError, 'got NaN'],
  [{ retry: 3 }, TypeError, 'options.retry must be an object, got 3'],
  [{ retry: { attempts: 1.5 } }, TypeError, 'options.retry.attempts must be a whole number'],
  [{ retry: { attempts: 101 } }, RangeError, 'from 0 to 100, got 101'],
  [{ retry: { delayMs: 5 } }, TypeError, 'options.retry.delayMs must be a function, got 5'],
  [{ retry: { delayMs: () => -1 } }, RangeError, 'options.retry.delayMs(1) must be a number from'],
  [{ retry: { delayMs: () => 'x' } }, TypeError, 'options.retry.delayMs(1) must be a number, got'],
  [{ timeoutMs: 0 }, RangeError, 'options.timeoutMs must be a number from 1'],
  [{ linkTtlMs: 999 }, RangeError, 'options.linkTtlMs must be a number from 1000 to 604800000'],
  [{ apiKey: '' }, TypeError, 'options.apiKey must be a non-empty string, got string'],
  [{ apiKey: 12345 }, TypeError, 'options.apiKey must be a non-empty string, got number'],
  [{ allowRemote: 1 }, TypeError, 'options.allowRemote must be true or false, got 1'],
  [{ concurrency: 0 }, RangeError, 'options.concurrency must be a whole number from 1'],
  [{ plan: {} }, TypeError, 'options.plan must be a function, got {}'],
  [{ onDelivery: 'x' }, TypeError, "options.onDelivery must be a function, got 'x'"],
  [{ now: () => 'today' }, TypeError, "options.now() must be a number, got 'today'"],
  [{ taskMS: 5 }, TypeError, 'options.taskMS is unknown, use port, taskMs, retry'],
  [[], TypeError, 'options must be an object, got []'],
])('%j is refused', async (options, kind, message) => {
  const creating = createSimulator(options as SimulatorOptions);
  await expect(creating).rejects.toThrow(kind);
  await expect(creating).rejects.toThrow(message);
});

test('undefined means the default', async () => {
  const simulator = await simulate({ taskMs: undefined, retry: undefined, apiKey: undefined });
  expect(simulator.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
});

test('a port may be chosen once', async () => {
  const first = await simulate();
  const port = Number(new URL(first.url).port);
  await expect(createSimulator({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  await first.close();
  expect((await simulate({ port })).url).toBe(first.url);
});
