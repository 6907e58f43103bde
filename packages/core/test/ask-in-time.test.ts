import { createTaskResultClient, WebhookError, type TaskResultClient } from '@novita-webhooks/core';
import { createManualClock, delivery, sampleEvents } from '@novita-webhooks/testing';
import { expect, test } from 'vitest';

import { collectGarbage } from '../../../test/support/collect-garbage.ts';
import { askInTime } from '../src/task-results/ask-in-time.ts';
import { ENDPOINT, passing, SAMPLE_TASK, setUp } from './helpers.ts';

/** Answers nothing, and does not look at its signal. */
const silent: TaskResultClient = {
  get: () => new Promise(() => undefined),
  getPayload: () => new Promise(() => undefined),
};
const failing = (code: 'api_key_rejected' | 'task_not_found' | 'api_unavailable') => {
  const fail = () => Promise.reject(new WebhookError(code, 'the answer of the API'));
  return { get: fail, getPayload: fail };
};

test('askInTime: ends a question that a client never answers, and tells the client', async () => {
  const clock = createManualClock();
  let seen: AbortSignal | undefined;
  const ask = (signal: AbortSignal) => {
    seen = signal;
    return new Promise(() => undefined);
  };
  const asking = expect(askInTime(ask, { clock, maxMs: 1000 })).rejects.toMatchObject({
    code: 'api_unavailable',
  });
  await clock.advance(1000);
  await asking;
  expect(seen?.aborted).toBe(true);
});

test('askInTime: a listener that a client leaves keeps no signal in memory', async () => {
  let seen: WeakRef<AbortSignal> | undefined;
  const ask = (signal: AbortSignal) => {
    signal.addEventListener('abort', () => undefined);
    seen = new WeakRef(signal);
    return Promise.resolve('answer');
  };
  const { signal } = new AbortController();
  expect(await askInTime(ask, { clock: createManualClock(), signal })).toBe('answer');
  await new Promise((resolve) => setTimeout(resolve)); // a WeakRef keeps its target until then
  collectGarbage();
  expect(seen?.deref()).toBeUndefined();
});

test('confirm: an event waits if the client of the caller never answers', async () => {
  const { receiver, clock, deliver, log } = setUp({ taskResults: silent, confirm: true });
  receiver.onTaskFinished(() => expect.unreachable('not confirmed'));
  receiver.start();
  await deliver(sampleEvents.imageSucceeded());
  await clock.advance(130_000);
  expect(log.messages('warn').join('\n')).toMatch(/could not be asked/);
  const entry = await receiver.inbox.get({ endpoint: 'novita', taskId: SAMPLE_TASK });
  expect(entry?.state).not.toMatch(/done|dead/);
});

test('receiver.result: keeps its timeout although the client never answers', async () => {
  const { receiver, clock, deliver } = setUp({ taskResults: silent, confirm: true });
  await deliver(sampleEvents.imageSucceeded());
  const waiting = passing(clock, receiver.result(SAMPLE_TASK, { timeoutMs: 50 }));
  await expect(waiting).rejects.toMatchObject({ code: 'result_timeout' });
});

test('receiver.result: its timeout tells the last answer about an awaited task', async () => {
  const { receiver, clock, log } = setUp({ taskResults: failing('task_not_found') });
  receiver.onTaskFinished(() => undefined);
  receiver.start();
  await receiver.expect('task-1', { within: 3_600_000 });
  await clock.advance(60_000);
  const waiting = passing(clock, receiver.result('task-1', { timeoutMs: 1 }));
  await expect(waiting).rejects.toThrow(/last attempt: .*the answer of the API/);
  const unknown = log.lines.filter(({ message }) => message.includes('does not know'));
  expect(unknown[0]).toMatchObject({ level: 'warn', details: { taskId: 'task-1' } });
});

test.each([
  ['api_key_rejected', ['error api_key_rejected']],
  ['api_unavailable', ['warn api_unavailable']],
  ['task_not_found', []],
] as const)('receiver.check: the API answers %s', async (code, expected) => {
  const { receiver } = setUp({ taskResults: failing(code) });
  const found = await receiver.check({ timeoutMs: 1000 });
  const ofApi = found.filter((finding) => finding.code.startsWith('api_'));
  expect(ofApi.map((finding) => `${finding.level} ${finding.code}`)).toEqual(expected);
});

test('receiver.expect: tells that the result came first, and warns of lost metadata', async () => {
  const { receiver, log } = setUp({ insecure: true });
  expect(await receiver.expect('another', { metadata: { orderId: 1 } })).toBe(true);
  await receiver.handle(delivery(ENDPOINT, sampleEvents.imageSucceeded()));
  expect(await receiver.expect(SAMPLE_TASK)).toBe(false);
  expect(log.messages('warn').join()).not.toMatch(/was there first/);
  expect(await receiver.expect(SAMPLE_TASK, { metadata: { orderId: 1 } })).toBe(false);
  expect(log.messages('warn').join()).toMatch(/was there first, without metadata/);
});

test('an error of the API names the host that was asked', async () => {
  const client = createTaskResultClient({
    apiKey: 'key',
    baseUrl: 'https://api.example.com',
    fetch: async () => new Response('{"reason":"TASK_NOT_FOUND"}', { status: 404 }),
  });
  await expect(client.get('task-1')).rejects.toThrow('api.example.com answered 404');
});
