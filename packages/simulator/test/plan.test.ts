import { describe, expect, test } from 'vitest';

import type { Plan, Submission, TaskEvent } from '../src/index.ts';
import {
  answerWith,
  post,
  readJson,
  startReceiver,
  startSimulator,
  webhook,
} from './support/setup.ts';

describe('plan', () => {
  test('duplicates: sends copies one by one after the acknowledgement', async () => {
    const receiver = await startReceiver(answerWith(500, 200));
    const simulator = await startSimulator();
    await simulator.submit('txt2img', webhook(receiver.url), { duplicates: 2 });
    await simulator.idle();
    expect(simulator.deliveries().map(({ kind, copy, attempt }) => [kind, copy, attempt])).toEqual([
      ['main', 1, 1],
      ['main', 1, 2],
      ['duplicate', 2, 1],
      ['duplicate', 3, 1],
    ]);
    expect(new Set(receiver.received.map(({ body }) => body)).size).toBe(1);
  });

  test('duplicates: sends no copy without an acknowledgement', async () => {
    const receiver = await startReceiver(answerWith(500));
    const simulator = await startSimulator();
    await simulator.submit('txt2img', webhook(receiver.url), { duplicates: 2 });
    await simulator.idle();
    expect(simulator.deliveries().every(({ kind }) => kind === 'main')).toBe(true);
    expect(receiver.received).toHaveLength(6);
  });

  test('parallelCopies: sends all at once and retries only the first', async () => {
    const pending: (() => void)[] = [];
    let maxParallel = 0;
    const receiver = await startReceiver((response, count) => {
      pending.push(() => {
        response.statusCode = count <= 4 ? 500 : 200;
        response.end();
      });
      maxParallel = Math.max(maxParallel, pending.length);
      if (count >= 4) for (const answer of pending.splice(0)) answer();
    });
    const simulator = await startSimulator();
    await simulator.submit('txt2img', webhook(receiver.url), { parallelCopies: 4 });
    await simulator.idle();
    expect(maxParallel).toBe(4);
    const kinds = simulator
      .deliveries()
      .map(({ kind, copy, attempt }) => `${kind} ${copy} ${attempt}`);
    expect(kinds.toSorted()).toEqual([
      'main 1 1',
      'main 1 2',
      'parallel 2 1',
      'parallel 3 1',
      'parallel 4 1',
    ]);
  });

  test('dropDelivery: sends no event, and deliver() still works', async () => {
    const [simulator, receiver] = [await startSimulator(), await startReceiver()];
    const { task_id } = await simulator.submit('txt2img', webhook(receiver.url), {
      dropDelivery: true,
    });
    await simulator.idle();
    expect(receiver.received).toEqual([]);
    await simulator.deliver(task_id);
    expect(receiver.received).toHaveLength(1);
  });

  test('taskMs: overrides the option', async () => {
    const [simulator, receiver] = [await startSimulator({ taskMs: 60_000 }), await startReceiver()];
    const startMs = performance.now();
    await simulator.submit('txt2img', webhook(receiver.url), { taskMs: 80 });
    await simulator.idle();
    expect((receiver.received[0]?.at ?? 0) - startMs).toBeGreaterThan(75);
  });

  test.each<[string, (event: TaskEvent) => unknown, string]>([
    ['an object as JSON', ({ payload }) => ({ id: payload.task.task_id.length }), '{"id":36}'],
    ['a string unchanged', () => '{"event_type":', '{"event_type":'],
    ['bytes unchanged', () => Uint8Array.of(0x7b, 0x7d), '{}'],
    ['null as JSON', () => null, 'null'],
    ['undefined as an empty body', () => undefined, ''],
  ])('transformEvent: sends %s', async (_name, transformEvent, body) => {
    const [simulator, receiver] = [await startSimulator(), await startReceiver()];
    await simulator.submit('txt2img', webhook(receiver.url), { transformEvent });
    await simulator.idle();
    expect(receiver.received.map((request) => request.body)).toEqual([body]);
  });

  test('transformEvent: gets a copy of the event', async () => {
    const [simulator, receiver] = [await startSimulator(), await startReceiver()];
    const transformEvent = (event: TaskEvent): unknown => Object.assign(event, { event_type: 'X' });
    await simulator.submit('txt2img', webhook(receiver.url), { transformEvent });
    await simulator.idle();
    expect(receiver.received[0]?.body).toContain('"event_type":"X"');
    expect(simulator.tasks()[0]?.event?.event_type).toBe('ASYNC_TASK_RESULT');
  });

  test.each<[string, () => unknown, string]>([
    [
      'throws',
      () => {
        throw new Error('from transformEvent');
      },
      'from transformEvent',
    ],
    ['returns a BigInt', () => 1n, 'BigInt'],
    ['returns a function', () => () => 1, 'JSON cannot hold'],
  ])(
    'transformEvent: a function that %s is recorded once',
    async (_name, transformEvent, message) => {
      const [simulator, receiver] = [await startSimulator(), await startReceiver()];
      await simulator.submit('txt2img', webhook(receiver.url), { transformEvent });
      await simulator.idle();
      expect(receiver.received).toEqual([]);
      expect(simulator.deliveries()).toMatchObject([
        {
          attempt: 1,
          answer: { error: 'transform', message: expect.stringContaining(message) as string },
        },
      ]);
    },
  );
});

describe('plan source', () => {
  test('the option plan gets the submission', async () => {
    const seen: Submission[] = [];
    const simulator = await startSimulator({
      plan: (submission) => {
        seen.push(submission);
        return submission.number % 2 === 0 ? { status: 'TASK_STATUS_FAILED' } : undefined;
      },
    });
    const body = { ...webhook('http://127.0.0.1:1/'), prompt: 'a kite' };
    const { task_id } = await simulator.submit('kling-v3.0-std-t2v', body);
    await simulator.submit('kling-v3.0-std-t2v');
    await expect
      .poll(() => simulator.tasks().map(({ status }) => status))
      .toEqual(['TASK_STATUS_SUCCEED', 'TASK_STATUS_FAILED']);
    expect(seen[0]).toEqual({
      taskId: task_id,
      number: 1,
      endpoint: 'kling-v3.0-std-t2v',
      body,
      callbackUrl: 'http://127.0.0.1:1/',
      testMode: undefined,
    });
  });

  test('extra.simulator sets the plan over HTTP', async () => {
    const simulator = await startSimulator();
    const wanted = { status: 'TASK_STATUS_FAILED', reason: 'no luck', count: 2, media: 'videos' };
    const body = JSON.stringify({ extra: { simulator: wanted } });
    await post(`${simulator.url}/v3/async/kling-v3.0-std-t2v`, body);
    expect(simulator.tasks()[0]?.plan).toMatchObject(wanted);
  });

  test('submit() overrides the body, and the body overrides the option', async () => {
    const simulator = await startSimulator({
      plan: () => ({ reason: 'option', count: 1, duplicates: 1 }),
    });
    const body = { extra: { simulator: { reason: 'body', count: 2 } } };
    await simulator.submit('txt2img', body, { reason: 'submit', count: undefined });
    expect(simulator.tasks()[0]?.plan).toMatchObject({ reason: 'submit', count: 2, duplicates: 1 });
  });

  test('submit() sets the plan of one request only', async () => {
    const simulator = await startSimulator();
    await simulator.submit('txt2img', {}, { count: 5 });
    await simulator.submit('txt2img');
    expect(simulator.tasks().map(({ plan }) => plan.count)).toEqual([5, 1]);
  });
});

describe('invalid plan', () => {
  test.each([
    [{ status: 'DONE' }, 'status: must be "TASK_STATUS_SUCCEED" or "TASK_STATUS_FAILED"'],
    [{ count: -1 }, 'count: must be at least 0'],
    [{ count: 1.5 }, 'count: must be a whole number'],
    [{ parallelCopies: 0 }, 'parallelCopies: must be at least 1'],
    [{ nsfw: 'yes' }, 'nsfw: must be true or false'],
    [{ reason: null }, 'reason: must be a text'],
    [{ taskMs: '1' }, 'taskMs: must be milliseconds, or [min, max] in milliseconds'],
    [
      { faults: { reset: { times: 1 } } },
      'faults.reset: times is unknown. Known: probability, attempts',
    ],
    [{ transformEvent: 'x' }, 'transformEvent is unknown. Known: status'],
    [{ toString: 1 }, 'toString is unknown. Known: status'],
  ])('over HTTP is answered with 400: %j', async (plan, problem) => {
    const simulator = await startSimulator();
    const body = JSON.stringify({ extra: { simulator: plan } });
    const response = await post(`${simulator.url}/v3/async/txt2img`, body);
    expect(response.status).toBe(400);
    const answer = await readJson(response);
    expect(answer).toMatchObject({ code: 400, reason: 'INVALID_REQUEST_BODY', metadata: {} });
    expect(answer['message']).toMatch(/^extra\.simulator[.:]/);
    expect(answer['message']).toContain(problem);
  });

  test('in submit() is a TypeError', async () => {
    const simulator = await startSimulator();
    await expect(simulator.submit('txt2img', {}, { count: 101 })).rejects.toThrow(
      new TypeError('simulator: plan.count: must be at most 100'),
    );
    await expect(simulator.submit('txt2img', {}, { dupes: 1 } as Plan)).rejects.toThrow(
      /^simulator: plan: dupes is unknown\. Known: status, reason/,
    );
  });

  test.each<[string, () => Plan, string]>([
    ['an invalid plan', () => ({ count: 7.5 }), 'plan().count: must be a whole number'],
    [
      'an error',
      () => {
        throw new Error('oh');
      },
      'plan(): oh',
    ],
  ])('%s from the option is answered with 500', async (_name, plan, message) => {
    const simulator = await startSimulator({ plan });
    await expect(simulator.submit('txt2img')).rejects.toThrow(/500 INVALID_PLAN/);
    await expect(simulator.submit('txt2img')).rejects.toThrow(message);
    expect(simulator.tasks()).toEqual([]);
  });
});
