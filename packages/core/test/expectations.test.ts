import {
  createReceiver,
  createTaskResultClient,
  memoryInbox,
  WebhookError,
  type ReceiverOptions,
  type Store,
  memoryStore,
  pollingInbox,
  type TaskResultClient,
} from '@novita-webhooks/core';
import { createSimulator } from '@novita-webhooks/simulator';
import {
  createManualClock,
  createTestEntry,
  delivery,
  sampleEvents,
  signedDelivery,
  TEST_SECRET,
} from '@novita-webhooks/testing';
import * as z from 'zod';
import { afterEach, describe, expect, test, vi } from 'vitest';

import { deferred, passing } from './helpers.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const payloadOf = (taskId: string) => sampleEvents.imageSucceeded({ taskId }).payload;
const runningPayload = (taskId: string) => ({
  task: { task_id: taskId, status: 'TASK_STATUS_PROCESSING' },
});
const notFound = () => new WebhookError('task_not_found', 'the API does not know the task');

/** A Task Result API under the test's control. */
function createApi(answer: (taskId: string, asked: number) => unknown) {
  const asked: string[] = [];
  const client: TaskResultClient = {
    get: () => expect.unreachable('the sweep reads payloads'),
    async getPayload(taskId) {
      asked.push(taskId);
      const found = await answer(taskId, asked.length);
      if (found instanceof Error) throw found;
      return found as Awaited<ReturnType<TaskResultClient['getPayload']>>;
    },
  };
  return { client, asked };
}

/** A receiver on a manual clock, with a handler that is called for each success. */
function start(options: Partial<ReceiverOptions> = {}) {
  const clock = createManualClock();
  const receiver = createReceiver({
    url: 'https://example.com/hooks',
    secret: TEST_SECRET,
    inbox: memoryInbox({ clock }),
    logger: false,
    clock,
    ...options,
  });
  closers.push(() => receiver.close());
  const handled = vi.fn();
  receiver.onTaskFinished(({ task }, { metadata }) => void handled(task.task_id, metadata));
  receiver.start();
  const deliver = async (taskId: string) =>
    receiver.handle(await signedDelivery(receiver, sampleEvents.imageSucceeded({ taskId })));
  const entry = (taskId: string) => receiver.inbox.get({ endpoint: 'novita', taskId });
  return { clock, receiver, handled, deliver, entry };
}

describe('the sweep', () => {
  test('asks for a result that no webhook brings, and handles it once', async () => {
    const { client, asked } = createApi(payloadOf);
    const { receiver, clock, handled, deliver, entry } = start({ taskResults: client });
    await receiver.expect('task-1', { metadata: { orderId: 42 } });
    expect(await entry('task-1')).toMatchObject({ state: 'expected' });
    await clock.advance(4000);
    expect(asked).toEqual([]);
    await clock.advance(1500);
    expect(handled.mock.calls).toEqual([['task-1', { orderId: 42 }]]);
    expect(await entry('task-1')).toMatchObject({ state: 'done', source: 'sweep', attempts: 1 });
    expect((await deliver('task-1')).status).toBe(200); // the webhook comes late
    await clock.advance(60_000);
    expect(handled).toHaveBeenCalledTimes(1);
    expect(asked).toEqual(['task-1']);
    const { sweep } = await receiver.stats();
    expect(sweep).toEqual({ asked: 1, found: 1, deliveredLater: 1, missing: 0 });
  });

  test('warns of a result that no webhook has brought', async () => {
    const warn = vi.fn();
    const logger = { debug: vi.fn(), info: vi.fn(), warn, error: vi.fn() };
    const { receiver, clock } = start({ logger, taskResults: createApi(payloadOf).client });
    await receiver.expect('task-1');
    await clock.advance(6000);
    const message = expect.stringContaining('found by asking before a webhook') as string;
    expect(warn).toHaveBeenCalledWith({ taskId: 'task-1' }, message);
  });

  test('asks for nothing that a webhook has brought, before or after expect', async () => {
    const { client, asked } = createApi(payloadOf);
    const { receiver, clock, handled, deliver } = start({ taskResults: client });
    await deliver('before');
    await receiver.expect('before');
    await receiver.expect('after', { metadata: { orderId: 1 } });
    await deliver('after');
    await clock.advance(60_000);
    expect(handled.mock.calls).toEqual([
      ['before', {}],
      ['after', { orderId: 1 }],
    ]);
    expect(asked).toEqual([]);
  });

  test('asks ever more gently while the task runs, a video later', async () => {
    const times: number[] = [];
    const { client } = createApi((taskId) => {
      times.push((clock.now() - startedAt) / 1000);
      return times.length < 4 ? runningPayload(taskId) : payloadOf(taskId);
    });
    const { receiver, clock, handled } = start({ taskResults: client });
    const startedAt = clock.now();
    await receiver.expect('task-1', { media: 'video' });
    await clock.advance(120_000);
    expect(times).toEqual([30, 40, 51, 63.1]);
    expect(handled).toHaveBeenCalledTimes(1);
  });

  test('gives up at the deadline, with what the API said, and a late webhook is handled', async () => {
    const { client } = createApi(notFound);
    const onDeadLetter = vi.fn();
    const { receiver, clock, handled, deliver, entry } = start({
      taskResults: client,
      onDeadLetter,
    });
    await receiver.expect('task-1', { within: 60_000, metadata: { orderId: 42 } });
    await clock.advance(59_000);
    expect(await entry('task-1')).toMatchObject({ state: 'expected' });
    await clock.advance(2000);
    const reason = expect.stringMatching(/^missing: .*does not know the task/) as string;
    expect(await entry('task-1')).toMatchObject({ state: 'dead', reason });
    expect(onDeadLetter).toHaveBeenCalledTimes(1);
    expect((await receiver.stats()).sweep.missing).toBe(1);
    await deliver('task-1');
    await clock.flush();
    expect(handled.mock.calls).toEqual([['task-1', { orderId: 42 }]]);
  });

  test('waits while the API is down, also past the deadline', async () => {
    const down = new WebhookError('api_unavailable', 'the API answered 503');
    const { client } = createApi((taskId, asked) => (asked < 9 ? down : payloadOf(taskId)));
    const { receiver, clock, handled, entry } = start({ taskResults: client });
    await receiver.expect('task-1', { within: 10_000 });
    await clock.advance(20_000);
    expect(await entry('task-1')).toMatchObject({ state: 'expected' });
    await clock.advance(60_000);
    expect(handled).toHaveBeenCalledTimes(1);
  });

  test('handles a result once that comes while it is being asked for', async () => {
    const { client } = createApi(async (taskId) => {
      await deliver('task-1');
      await clock.flush(); // the loop claims the event while the question still runs
      return payloadOf(taskId);
    });
    const { receiver, clock, handled, deliver, entry } = start({ taskResults: client });
    await receiver.expect('task-1', { metadata: { orderId: 42 } });
    await clock.advance(10_000);
    await expect.poll(() => handled.mock.calls).toEqual([['task-1', { orderId: 42 }]]);
    await receiver.idle();
    expect(await entry('task-1')).toMatchObject({ state: 'done', source: 'delivery', attempts: 1 });
    expect((await receiver.stats()).sweep).toMatchObject({ asked: 1, found: 0 });
  });

  test('does not take the room of handlers, and asks about ten tasks at a time', async () => {
    const open = deferred();
    let [asking, most] = [0, 0];
    const { client } = createApi(async (taskId) => {
      asking += 1;
      most = Math.max(most, asking);
      await open.promise;
      asking -= 1;
      return payloadOf(taskId);
    });
    const { receiver, clock, handled, deliver } = start({
      taskResults: client,
      handlers: { concurrency: 1 },
    });
    for (let n = 0; n < 50; n += 1) await receiver.expect(`task-${n}`);
    await clock.advance(6000);
    expect(asking).toBe(10);
    await deliver('now');
    await clock.flush();
    expect(handled.mock.calls).toEqual([['now', {}]]);
    open.resolve();
    await clock.advance(120_000);
    expect(handled).toHaveBeenCalledTimes(51);
    expect(most).toBe(10);
  });

  test('makes a result that does not fit the schema a dead letter, which replay asks for again', async () => {
    const { client } = createApi((taskId, asked) =>
      asked === 1 ? { ...payloadOf(taskId), images: 'none' } : payloadOf(taskId),
    );
    const { receiver, clock, handled, entry } = start({ taskResults: client });
    await receiver.expect('task-1');
    await clock.advance(6000);
    expect(await entry('task-1')).toMatchObject({ state: 'dead' });
    expect((await entry('task-1'))?.reason).toMatch(/does not fit the schema: .*images/);
    await receiver.inbox.replay({ endpoint: 'novita', taskId: 'task-1' });
    await clock.advance(1000);
    expect(handled).toHaveBeenCalledTimes(1);
  });

  test('warns without taskResults, and keeps the expectation', async () => {
    const warn = vi.fn();
    const logger = { debug: vi.fn(), info: vi.fn(), warn, error: vi.fn() };
    const { receiver, clock, handled, deliver } = start({ logger });
    await receiver.expect('task-1');
    await clock.advance(120_000);
    expect(warn.mock.calls.map(([, message]) => message as string)).toContainEqual(
      expect.stringContaining('taskResults: createTaskResultClient({ apiKey })'),
    );
    await deliver('task-1');
    await clock.flush();
    expect(handled).toHaveBeenCalledTimes(1);
  });

  test('close does not wait for the API', async () => {
    const { client, asked } = createApi(() => new Promise(() => undefined));
    const hanging: TaskResultClient = {
      ...client,
      getPayload: (taskId, { signal } = {}) =>
        Promise.race([
          client.getPayload(taskId),
          new Promise<never>((_, reject) =>
            signal?.addEventListener('abort', () => reject(signal.reason as Error)),
          ),
        ]),
    };
    const { receiver, clock, entry } = start({ taskResults: hanging });
    await receiver.expect('task-1');
    await clock.advance(6000);
    expect(asked).toEqual(['task-1']);
    await receiver.close(); // the clock stands still, so no grace period can pass
    expect(await entry('task-1')).toMatchObject({ state: 'expected', attempts: 0 });
  });

  test('an event that does not fit the schema does not end the wait', async () => {
    const { client } = createApi(payloadOf);
    const { receiver, clock, handled } = start({ taskResults: client });
    await receiver.expect('task-1');
    const event = sampleEvents.imageSucceeded({ taskId: 'task-1' });
    const drifted = { ...event, payload: { ...event.payload, images: 'none' } };
    expect((await receiver.handle(await signedDelivery(receiver, drifted))).status).toBe(200);
    await clock.advance(6000);
    expect(handled).toHaveBeenCalledTimes(1);
    expect((await receiver.stats()).conflicts).toBe(0);
  });
});

describe('the sweep ends', () => {
  test.each([
    ['an answer without a result', () => new WebhookError('invalid_result', 'no result')],
    ['an error of a client of the caller', () => new TypeError('broken')],
  ])('at the deadline, after %s', async (_, answer) => {
    const { client } = createApi(answer);
    const { receiver, clock, entry } = start({ taskResults: client });
    await receiver.expect('task-1', { within: 10_000 });
    await clock.advance(20_000);
    expect(await entry('task-1')).toMatchObject({ state: 'dead' });
  });

  test('a week after the deadline, while the API is down', async () => {
    const down = new WebhookError('api_unavailable', 'the API answered 503');
    const { client } = createApi(() => down);
    const { receiver, clock, entry } = start({ taskResults: client });
    await receiver.expect('task-1', { within: 10_000 });
    clock.skip(7 * 24 * 3_600_000);
    await clock.advance(600_000);
    expect(await entry('task-1')).toMatchObject({ state: 'dead' });
  });

  test('an hour after the deadline without taskResults, for another process may have them', async () => {
    const { receiver, clock, entry } = start();
    await receiver.expect('task-1', { within: 10_000 });
    await clock.advance(60_000);
    expect(await entry('task-1')).toMatchObject({ state: 'expected' });
    clock.skip(3_600_000);
    await clock.advance(60_000);
    expect(await entry('task-1')).toMatchObject({ state: 'dead' });
  });

  test('a question that a client of the caller never answers', async () => {
    const { client, asked } = createApi(() => new Promise(() => undefined));
    const { receiver, clock, handled, deliver } = start({ taskResults: client });
    await receiver.expect('task-1');
    await clock.advance(6000);
    expect(asked).toEqual(['task-1']);
    await deliver('task-1');
    await expect.poll(() => handled.mock.calls.length).toBe(1);
    await receiver.expect('task-2');
    await clock.advance(200_000);
    expect(asked.filter((taskId) => taskId === 'task-2').length).toBeGreaterThan(1);
  });
});

test('results that come while their tasks are asked about keep to the concurrency', async () => {
  const { client } = createApi(() => new Promise(() => undefined));
  const { receiver, clock, deliver } = start({ taskResults: client, handlers: { concurrency: 1 } });
  let [running, most] = [0, 0];
  const held = deferred();
  receiver.onTaskSucceeded(async () => {
    running += 1;
    most = Math.max(most, running);
    await held.promise;
    running -= 1;
  });
  for (let n = 0; n < 6; n += 1) await receiver.expect(`task-${n}`);
  await clock.advance(6000);
  await Promise.all(Array.from({ length: 6 }, async (_, n) => deliver(`task-${n}`)));
  await clock.flush();
  await expect.poll(() => running).toBe(1);
  held.resolve();
  await receiver.idle();
  expect(most).toBe(1);
});

describe('receiver.submit', () => {
  test('passes the callback URL and awaits the result, against the simulator', async () => {
    const simulator = await createSimulator({ apiKey: 'sk_test' });
    closers.push(() => simulator.close());
    const taskResults = createTaskResultClient({ apiKey: 'sk_test', baseUrl: simulator.url });
    const { receiver, clock, handled } = start({ taskResults });
    const { taskId, response } = await receiver.submit(
      (webhook) => {
        expect(webhook?.url).toMatch(/^https:\/\/example\.com\/hooks\?token=nwt1\./);
        return simulator.submit('txt2img'); // no webhook will come
      },
      { metadata: { orderId: 42 } },
    );
    expect(response).toEqual({ task_id: taskId });
    await simulator.idle();
    await clock.advance(5000);
    await expect.poll(() => handled.mock.calls).toEqual([[taskId, { orderId: 42 }]]);
  });

  test.each([
    ['the id', (id: string) => id],
    ['an answer', (task_id: string) => ({ task_id })],
    ['an answer of axios', (task_id: string) => ({ status: 200, data: { task_id } })],
  ])('takes the task id from %s', async (_, answer) => {
    const { receiver } = start();
    expect((await receiver.submit(() => answer('task-1'))).taskId).toBe('task-1');
  });

  test.each([undefined, {}, { task_id: 7 }, new Response('{"task_id":"1"}')])(
    'rejects an answer without a task id: %o',
    async (answer) => {
      const { receiver } = start();
      const code = 'invalid_argument';
      await expect(receiver.submit(() => answer)).rejects.toMatchObject({ code });
    },
  );

  test('submits once per key, also when called at the same time and from two receivers', async () => {
    const { receiver, clock, entry } = start();
    const other = createReceiver({
      ...{ url: 'https://example.com/hooks', secret: TEST_SECRET, logger: false, clock },
      inbox: receiver.inbox,
    });
    const call = vi.fn(async () => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      return 'task-1';
    });
    const submit = (one: Pick<typeof receiver, 'submit'>) => one.submit(call, { key: 'order-1' });
    const answers = await passing(clock, Promise.all([receiver, other, receiver].map(submit)));
    answers.push(await submit(other));
    expect(answers.map(({ taskId }) => taskId)).toEqual(Array(4).fill('task-1'));
    expect(answers.filter(({ response }) => response !== null)).toHaveLength(1);
    expect(call).toHaveBeenCalledTimes(1);
    await clock.flush(); // kept as long as done entries are
    expect(await entry('submission:order-1')).toMatchObject({ state: 'done' });
    await receiver.submit(call, { key: 'order-2' });
    expect(call).toHaveBeenCalledTimes(2);
  });

  test('a call that throws has submitted nothing', async () => {
    const { receiver } = start();
    const fail = () => Promise.reject(new Error('no money'));
    await expect(receiver.submit(fail, { key: 'order-1' })).rejects.toThrow('no money');
    expect((await receiver.submit(() => 'task-1', { key: 'order-1' })).taskId).toBe('task-1');
  });

  test('a call that throws frees its key also while a worker looks at the record', async () => {
    const store = memoryStore();
    let looks = 3;
    const busy: Store = {
      ...store,
      discardEntries: (targets) =>
        (looks -= 1) > 0 ? Promise.resolve(0) : store.discardEntries(targets),
    };
    const { receiver, clock } = start({ inbox: pollingInbox(busy) });
    const fail = () => Promise.reject(new Error('no money'));
    const failed = passing(clock, receiver.submit(fail, { key: 'order-1' }));
    await expect(failed).rejects.toThrow('no money');
    expect((await receiver.submit(() => 'task-1', { key: 'order-1' })).taskId).toBe('task-1');
  });

  test('a call that never named its task blocks its key, and says how to free it', async () => {
    const { receiver, clock, handled } = start();
    const hanging = deferred<string>();
    void receiver.submit(() => hanging.promise, { key: 'a', within: 1000 });
    await clock.advance(2000); // as after the end of the process
    const again = receiver.submit(() => 'task-2', { key: 'a' });
    await expect(again).rejects.toMatchObject({
      code: 'submission_unfinished',
      message: expect.stringContaining('"taskId":"submission:a"') as string,
    });
    expect(await receiver.inbox.discard({ endpoint: 'novita', taskId: 'submission:a' })).toBe(true);
    expect((await receiver.submit(() => 'task-2', { key: 'a' })).taskId).toBe('task-2');
    expect(handled).not.toHaveBeenCalled();
    hanging.resolve('task-1'); // close() waits for it
  });

  test('a call waits 30 s for another one, and says so; for an old one it does not wait', async () => {
    const warn = vi.fn();
    const logger = { debug: vi.fn(), info: vi.fn(), warn, error: vi.fn() };
    const { receiver, clock } = start({ logger });
    const hanging = deferred<string>();
    void receiver.submit(() => hanging.promise, { key: 'a' });
    const begun = clock.now();
    const second = passing(
      clock,
      receiver.submit(() => 'task-2', { key: 'a' }),
    );
    await expect(second).rejects.toMatchObject({ code: 'submission_unfinished' });
    expect(clock.now() - begun).toBeGreaterThanOrEqual(30_000);
    const message = expect.stringContaining('waits up to 30 s') as string;
    expect(warn.mock.calls).toEqual([[{ taskId: 'submission:a' }, message]]);
    await clock.advance(60_000);
    const third = receiver.submit(() => 'task-3', { key: 'a' });
    await expect(third).rejects.toMatchObject({ code: 'submission_unfinished' });
    hanging.resolve('task-1');
  });

  test('expect names the task of a call that never did, once', async () => {
    const { receiver, clock, entry } = start();
    const hanging = deferred<string>();
    void receiver.submit(() => hanging.promise, { key: 'a', within: 1000 });
    await clock.advance(2000);
    expect(await entry('submission:a')).toMatchObject({ state: 'dead' });
    const expected = { metadata: { orderId: 42 }, key: 'a' };
    expect(await receiver.expect('task-1', expected)).toBe(true);
    expect(await receiver.expect('task-1', expected)).toBe(false);
    expect(await entry('task-1')).toMatchObject({ metadata: { orderId: 42 } });
    const other = receiver.expect('task-2', { key: 'a' });
    await expect(other).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining('has submitted the task task-1') as string,
    });
    expect(await entry('task-2')).toBeUndefined();
    expect((await receiver.submit(() => 'task-3', { key: 'a' })).taskId).toBe('task-1');
    hanging.resolve('task-1');
  });

  test('no sender can take the place of the record of a key', async () => {
    const { receiver, deliver } = start();
    await receiver.submit(() => 'task-1', { key: 'a' });
    expect((await deliver('submission:a')).status).toBe(422);
    expect((await receiver.submit(() => 'task-2', { key: 'a' })).taskId).toBe('task-1');
  });

  test('says which task was submitted when the inbox does not keep it', async () => {
    let isBroken = false;
    const store = memoryStore();
    const breaking: Store = {
      ...store,
      add: (entry) => (isBroken ? Promise.reject(new Error('disk full')) : store.add(entry)),
    };
    const { receiver, clock } = start({ inbox: pollingInbox(breaking) });
    const call = () => {
      isBroken = true;
      return 'task-1';
    };
    const metadata = { orderId: 42 };
    for (const [options, repeat] of [
      [{}, "receiver.expect('task-1')"],
      [
        { metadata, media: 'video', key: 'a' },
        "receiver.expect('task-1', { metadata, media, key })",
      ],
    ] as const) {
      isBroken = false;
      await expect(passing(clock, receiver.submit(call, options))).rejects.toMatchObject({
        code: 'inbox_unavailable',
        message: expect.stringContaining(repeat) as string,
      });
    }
    isBroken = false;
    await receiver.expect('task-1', { metadata, media: 'video', key: 'a' });
    const again = await receiver.submit(call, { metadata, media: 'video', key: 'a' });
    expect(again).toEqual({ taskId: 'task-1', response: null });
  });
});

describe('receiver.submit refuses before it pays', () => {
  const call = vi.fn(() => 'task-1');

  test('metadata that does not fit the schema, also without a url', async () => {
    const metadata = z.object({ orderId: z.number() });
    const { receiver } = start({ url: undefined, metadata: metadata });
    const code = 'invalid_argument';
    const wrong = { metadata: { orderID: '7' } };
    await expect(receiver.submit(call, wrong)).rejects.toMatchObject({ code });
    await expect(receiver.expect('task-1', wrong)).rejects.toMatchObject({ code });
    expect(call).not.toHaveBeenCalled();
  });

  test('after close, which waits for a call that runs', async () => {
    const { receiver, entry } = start();
    const running = deferred<string>();
    const submitted = receiver.submit(() => running.promise);
    const closed = receiver.close();
    await expect(receiver.submit(call)).rejects.toMatchObject({ code: 'closing' });
    expect(call).not.toHaveBeenCalled();
    running.resolve('task-1');
    expect((await submitted).taskId).toBe('task-1');
    expect(await entry('task-1')).toMatchObject({ state: 'expected' });
    await closed;
  });

  test.each(['Unauthorized', '<html>502</html>', '{"task_id":"abc-1"}', 'task 1'])(
    'and takes no id from the text %j',
    async (text) => {
      const { receiver } = start();
      const code = 'invalid_argument';
      await expect(receiver.submit(() => text)).rejects.toMatchObject({ code });
    },
  );

  test('and expects no test whose event is to be ignored', async () => {
    const { receiver, entry } = start({ testEvents: 'ignore' });
    await receiver.submit(() => 'task-1', { testMode: 'TASK_STATUS_SUCCEED' });
    expect(await entry('task-1')).toBeUndefined();
  });
});

describe('a leaked callback URL', () => {
  test('does not change what was given with the expectation', async () => {
    const { client } = createApi(payloadOf);
    const { receiver, handled } = start({ taskResults: client, confirm: true });
    await receiver.expect('task-1', { metadata: { orderId: 2 } });
    const { url } = await receiver.createCallback({ metadata: { orderId: 1 } });
    await receiver.handle(delivery(url, sampleEvents.imageSucceeded({ taskId: 'task-1' })));
    await expect.poll(() => handled.mock.calls).toEqual([['task-1', { orderId: 2 }]]);
  });

  test('of test mode does not keep a real task from being confirmed', async () => {
    const { client, asked } = createApi(payloadOf);
    const { receiver, handled } = start({ taskResults: client, confirm: true });
    await receiver.expect('task-1');
    const { url } = await receiver.createCallback({ testMode: 'TASK_STATUS_SUCCEED' });
    await receiver.handle(delivery(url, sampleEvents.imageSucceeded({ taskId: 'task-1' })));
    await expect.poll(() => handled.mock.calls.length).toBe(1);
    expect(asked).toEqual(['task-1']);
  });

  test('gives receiver.result() nothing that the API does not say', async () => {
    const { client } = createApi(notFound);
    const { receiver, clock, deliver } = start({ taskResults: client, confirm: true });
    await receiver.expect('task-1');
    const result = passing(clock, receiver.result('task-1'));
    const refused = expect(result).rejects.toMatchObject({ code: 'task_missing' });
    await deliver('task-1');
    await refused;
    const code = 'task_missing';
    await expect(receiver.result('task-1')).rejects.toMatchObject({ code });
  });
});

describe('receiver.result', () => {
  test('waits for an event', async () => {
    const { receiver, clock, deliver } = start();
    const result = passing(clock, receiver.result('task-1'));
    await deliver('task-1');
    expect((await result).images).toHaveLength(1);
    expect((await receiver.result('task-1', { timeoutMs: 1 })).task.task_id).toBe('task-1');
  });

  test('waits for the sweep', async () => {
    const { client } = createApi(payloadOf);
    const { receiver, clock } = start({ taskResults: client });
    await receiver.expect('task-1');
    const result = receiver.result('task-1');
    await clock.advance(6000);
    expect((await result).task.status).toBe('TASK_STATUS_SUCCEED');
  });

  test('rejects when the time is up, and says what is known', async () => {
    const { receiver, clock } = start();
    const code = 'result_timeout';
    const wait = () => passing(clock, receiver.result('task-1', { timeoutMs: 1000 }));
    await expect(wait()).rejects.toMatchObject({ code, message: /has no entry/ });
    await receiver.expect('task-1');
    await expect(wait()).rejects.toMatchObject({ code, message: /is awaited/ });
  });

  test('waits by the injected clock', async () => {
    const { receiver, clock } = start();
    const settled = vi.fn();
    receiver.result('task-1', { timeoutMs: 60_000 }).then(settled, settled);
    await clock.advance(59_000);
    expect(settled).not.toHaveBeenCalled();
    await clock.advance(2000);
    expect(settled).toHaveBeenCalledTimes(1);
  });

  test('rejects when the task was given up, or the receiver closes', async () => {
    const { client } = createApi(notFound);
    const { receiver, clock } = start({ taskResults: client });
    await receiver.expect('task-1', { within: 1000 });
    await clock.advance(6000);
    const code = 'task_missing';
    await expect(receiver.result('task-1')).rejects.toMatchObject({ code });
    const waiting = expect(passing(clock, receiver.result('other'))).rejects.toMatchObject({
      code: 'closing',
    });
    await receiver.close();
    await waiting;
  });

  test('rejects for an event that does not fit the schema', async () => {
    const { receiver } = start();
    await receiver.inbox.add(
      createTestEntry({ taskId: 'task-1', schemaError: 'no list', body: '{"images":"none"}' }),
    );
    const code = 'invalid_result';
    await expect(receiver.result('task-1')).rejects.toMatchObject({ code });
  });
});

describe('misuse in plain JavaScript', () => {
  test.each<[string, unknown[], RegExp]>([
    ['expect', [], /expect: the task id must be/],
    ['expect', ['submission:a'], /expect: the task id must be/],
    ['expect', ['a', { within: '1h' }], /expect: within must be milliseconds/],
    ['expect', ['a', { media: 'movie' }], /media must be image, video or audio/],
    ['expect', ['a', { withinMs: 1 }], /withinMs is unknown/],
    ['expect', ['a', { metadata: [] }], /metadata must be an object/],
    ['submit', [], /submit: pass a function/],
    ['submit', [() => 'a', { key: '' }], /key must be a printable text/],
    ['submit', [() => 'a', { key: 7 }], /key must be a text/],
    ['submit', [() => 'a', { key: 'x'.repeat(201) }], /at most 200/],
    ['result', [7], /result: the task id must be/],
    ['result', ['a', { timeoutMs: -1 }], /timeoutMs must be milliseconds/],
  ])('%s(%j) is refused', async (method, args, message) => {
    type Plain = Record<string, (...args: unknown[]) => Promise<unknown>>;
    const plain = start().receiver as unknown as Plain;
    const code = 'invalid_argument';
    await expect(plain[method]?.(...args)).rejects.toMatchObject({ code, message });
  });
});

test('confirm does not ask again about a result that the sweep has asked for', async () => {
  const { client, asked } = createApi(payloadOf);
  const { receiver, clock, handled, deliver } = start({ taskResults: client, confirm: true });
  await receiver.expect('swept');
  await clock.advance(6000);
  await deliver('delivered');
  await expect.poll(() => handled.mock.calls.length).toBe(2);
  expect(asked).toEqual(['swept', 'delivered']);
});

test('close says that the memory inbox loses what is awaited', async () => {
  const error = vi.fn();
  const logger = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error };
  const { receiver } = start({ logger });
  await receiver.expect('task-1');
  await receiver.close();
  const message = expect.stringContaining('tasks that are awaited') as string;
  expect(error).toHaveBeenCalledWith({ entries: 1 }, message);
});
