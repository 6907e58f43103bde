import type { HandlerContext, TaskResult } from '@novita-webhooks/core';
import { sampleEvents } from '@novita-webhooks/testing';
import { describe, expect, test } from 'vitest';

import { codeOf, deferred, noop, SAMPLE_TASK, setUp, track } from './helpers.ts';

const KEY = { endpoint: 'novita', taskId: SAMPLE_TASK };
const event = sampleEvents.imageSucceeded();

describe('handlers: an event is passed to handlers', () => {
  const events = {
    image: sampleEvents.imageSucceeded({ taskId: 'image' }),
    images: sampleEvents.imagesSucceeded({ taskId: 'images' }),
    video: sampleEvents.videoSucceeded({ taskId: 'video' }),
    audio: sampleEvents.audioSucceeded({ taskId: 'audio' }),
    nothing: sampleEvents.succeededWithoutMedia({ taskId: 'nothing' }),
    failed: sampleEvents.failed({ taskId: 'failed' }),
    queued: sampleEvents.queued({ taskId: 'queued' }),
    processing: sampleEvents.processing({ taskId: 'processing' }),
  };
  const all = Object.keys(events);

  async function taskIdsSeenBy(
    register: (
      receiver: ReturnType<typeof setUp>['receiver'],
      handler: (result: TaskResult) => void,
    ) => void,
  ): Promise<string[]> {
    const { receiver, deliver, clock } = setUp();
    const seen: string[] = [];
    register(receiver, ({ task }) => void seen.push(task.task_id));
    for (const one of Object.values(events)) expect((await deliver(one)).status).toBe(200);
    await clock.flush();
    await clock.flush();
    return all.filter((name) => seen.includes(name));
  }

  const succeeded = ['image', 'images', 'video', 'audio', 'nothing'];

  test('by the status of the task', async () => {
    expect(await taskIdsSeenBy((it, handler) => it.onTaskSucceeded(handler))).toEqual(succeeded);
    expect(await taskIdsSeenBy((it, handler) => it.onTaskFailed(handler))).toEqual(['failed']);
    expect(await taskIdsSeenBy((it, handler) => it.onTaskFinished(handler))).toEqual([
      ...succeeded,
      'failed',
    ]);
    expect(await taskIdsSeenBy((it, handler) => it.onTaskProgress(handler))).toEqual([
      'queued',
      'processing',
    ]);
  });

  test.each([
    [{}, succeeded],
    [{ media: 'images' }, ['image', 'images']],
    [{ media: 'videos' }, ['video']],
    [{ media: ['videos', 'audios'] }, ['video', 'audio']],
    [{ taskType: 'TXT_TO_IMG' }, ['image', 'nothing']],
    [{ taskType: ['IMG_TO_IMG', 'MINIMAX_SPEECH_2.6_HD'] }, ['images', 'audio']],
    [{ media: 'images', taskType: 'TXT_TO_IMG' }, ['image']],
    [{ media: 'videos', taskType: 'TXT_TO_IMG' }, []],
    [{ media: undefined, taskType: undefined, handlerName: undefined }, succeeded],
  ] as const)('by the filter %j', async (filter, expected) => {
    expect(await taskIdsSeenBy((it, handler) => it.onTaskSucceeded(filter, handler))).toEqual(
      expected,
    );
  });

  test('or is done if no handler matches', async () => {
    const { receiver, settle } = setUp();
    receiver.onTaskFailed(noop);
    await settle(event);
    expect((await receiver.inbox.get(KEY))?.state).toBe('done');
  });

  test('that are options of the receiver', async () => {
    const calls: string[] = [];
    const record = (name: string) => () => void calls.push(name);
    const { receiver, settle, clock } = setUp({
      onTaskSucceeded: record('succeeded'),
      onTaskFailed: record('failed'),
      onTaskFinished: record('settled'),
      onTaskProgress: record('progress'),
      onOtherEvent: record('other'),
      onDeadLetter: record('dead'),
    });
    receiver.onTaskSucceeded(record('succeeded later'));
    await settle(event);
    await settle(sampleEvents.schemaError({ taskId: 'invalid' }));
    await settle(sampleEvents.queued());
    await settle(sampleEvents.other());
    await clock.flush();
    expect(calls).toEqual(['succeeded', 'settled', 'succeeded later', 'dead', 'progress', 'other']);
  });
});

describe('handlers: several handlers of one event', () => {
  test('run one after the other in the order of registration', async () => {
    const { receiver, settle } = setUp();
    const order: string[] = [];
    const slow = deferred();
    receiver.onTaskFinished(async () => {
      order.push('one begins');
      await slow.promise;
      order.push('one ends');
    });
    receiver.onTaskSucceeded(() => order.push('two'));
    receiver.onTaskFinished(() => order.push('three'));
    await settle(event);
    expect(order).toEqual(['one begins']);
    slow.resolve();
    await settle(sampleEvents.queued());
    expect(order).toEqual(['one begins', 'one ends', 'two', 'three']);
  });

  test('run again only if they failed before', async () => {
    const { receiver, settle, clock } = setUp({ retry: { delay: () => 1000 } });
    const runs: string[] = [];
    const handler =
      (name: string, failures: number) =>
      (_: unknown, { attempt }: HandlerContext) => {
        runs.push(`${name}${attempt}`);
        if (attempt <= failures) throw new Error(`${name} failed`);
      };
    receiver.onTaskSucceeded(handler('a', 0));
    receiver.onTaskSucceeded(handler('b', 2));
    receiver.onTaskFinished({ handlerName: 'third' }, handler('c', 1));
    await settle(event);
    const entry = await receiver.inbox.get(KEY);
    expect(entry?.succeededHandlers).toEqual([expect.stringMatching(/^succeeded#1/)]);
    expect(entry?.reason).toBe('Error: b failed; Error: c failed');
    await clock.advance(1000);
    expect((await receiver.inbox.get(KEY))?.succeededHandlers).toEqual([
      expect.stringMatching(/^succeeded#1/),
      'third',
    ]);
    await clock.advance(1000);
    expect(runs).toEqual(['a1', 'b1', 'c1', 'b2', 'c2', 'b3']);
    expect((await receiver.inbox.get(KEY))?.state).toBe('done');
  });

  test('do not run again after the replay of a dead letter if they succeeded', async () => {
    const { receiver, settle, clock } = setUp({ retry: { maxAttempts: 1 } });
    const runs: string[] = [];
    let fail = true;
    receiver.onTaskSucceeded(() => runs.push('a'));
    receiver.onTaskSucceeded(() => {
      runs.push('b');
      if (fail) throw new Error('no');
    });
    await settle(event);
    fail = false;
    await receiver.inbox.replay(KEY);
    await clock.flush();
    expect(runs).toEqual(['a', 'b', 'b']);
    await receiver.inbox.replay(KEY); // a done entry: all handlers run again
    await clock.flush();
    expect(runs).toEqual(['a', 'b', 'b', 'a', 'b']);
  });

  test('each get their own copy of result, metadata and receivedAt', async () => {
    const { receiver, settle } = setUp();
    const seen: unknown[] = [];
    for (let index = 0; index < 2; index += 1) {
      receiver.onTaskSucceeded((result, { metadata, receivedAt }) => {
        seen.push(structuredClone([result, metadata, receivedAt]));
        const open = result as unknown as { images: unknown[]; task: Record<string, unknown> };
        open.images.length = 0;
        open.task['status'] = 'changed';
        (metadata as { order: { id: number } }).order.id = 0;
        receivedAt.setTime(0);
      });
    }
    await settle(event, { order: { id: 42 } });
    expect(seen).toHaveLength(2);
    expect(seen[1]).toEqual(seen[0]);
    expect((await receiver.inbox.get(KEY))?.metadata).toEqual({ order: { id: 42 } });
  });
});

describe('handler context', () => {
  test('has task id, attempt, maxAttempts, receivedAt, metadata and a logger', async () => {
    const { receiver, settle, clock, log } = setUp({
      retry: { maxAttempts: 4, delay: () => 1000 },
    });
    const receivedAt = new Date(clock.now());
    const contexts: HandlerContext[] = [];
    receiver.onTaskSucceeded((_, context) => {
      contexts.push(context);
      context.log.info({ step: 'download' }, 'working');
      (context.log.info as unknown as (message: string) => void)('a message alone');
      if (context.attempt === 1) throw new Error('no');
    });
    await settle(event, { orderId: 42 });
    await clock.advance(1000);
    const shared = { taskId: SAMPLE_TASK, maxAttempts: 4, receivedAt, metadata: { orderId: 42 } };
    expect(contexts).toEqual([
      expect.objectContaining({ ...shared, attempt: 1, testMode: false }),
      expect.objectContaining({ ...shared, attempt: 2, testMode: false }),
    ]);
    expect(contexts[0]?.signal.aborted).toBe(false);
    const { level, details } = log.lines.find(({ message }) => message === 'working') ?? {};
    expect([level, details]).toEqual(['info', { taskId: SAMPLE_TASK, step: 'download' }]);
    const alone = log.lines.find(({ message }) => message === 'a message alone');
    expect(alone?.details).toEqual({ taskId: SAMPLE_TASK });
  });
});

describe('handler names', () => {
  test('are numbered by registration, or chosen', async () => {
    const { receiver, settle } = setUp({ retry: { delay: () => 1000 } });
    receiver.onTaskSucceeded(noop);
    receiver.onTaskFinished(noop);
    receiver.onTaskSucceeded(noop);
    receiver.onTaskSucceeded({ handlerName: 'thumbnails' }, noop);
    receiver.onTaskSucceeded(() => {
      throw new Error('no');
    });
    await settle(event);
    expect((await receiver.inbox.get(KEY))?.succeededHandlers).toEqual([
      expect.stringMatching(/^succeeded#1\/3:[0-9a-z]+$/),
      expect.stringMatching(/^finished#1\/1:[0-9a-z]+$/),
      expect.stringMatching(/^succeeded#2\/3:[0-9a-z]+$/),
      'thumbnails',
    ]);
  });

  test('must be unique', () => {
    const { receiver } = setUp();
    receiver.onTaskSucceeded({ handlerName: 'mine' }, noop);
    expect(() => receiver.onTaskFailed({ handlerName: 'mine' }, noop)).toThrow(
      expect.objectContaining({ code: 'invalid_argument' }),
    );
  });
});

describe('handlers: registration throws for', () => {
  const wrong: [string, unknown[]][] = [
    ['nothing', []],
    ['undefined', [undefined]],
    ['an object', [{}]],
    ['a filter alone', [{ media: 'images' }]],
    ['a handler and something else', [noop, {}]],
    ['a name with a control character', [{ handlerName: 'a\0b' }, noop]],
    ['a name with a lone surrogate', [{ handlerName: '\ud800' }, noop]],
    ['a filter that is null', [null, noop]],
    ['a filter that is text', ['images', noop]],
    ['a filter that is a list', [['images'], noop]],
    ['an unknown medium', [{ media: 'pictures' }, noop]],
    ['an unknown medium in a list', [{ media: ['images', 'x'] }, noop]],
    ['a medium that is a number', [{ media: 5 }, noop]],
    ['no medium', [{ media: [] }, noop]],
    ['a medium that is null', [{ media: null }, noop]],
    ['an unknown condition', [{ mediums: 'images' }, noop]],
    ['a task type that is a number', [{ taskType: 5 }, noop]],
    ['a task type that is null', [{ taskType: null }, noop]],
    ['a task type that is an object', [{ taskType: {} }, noop]],
    ['a list of task types with a number', [{ taskType: ['a', 5] }, noop]],
    ['a name that is a number', [{ handlerName: 5 }, noop]],
    ['a name that is empty', [{ handlerName: '' }, noop]],
  ];

  test.each(wrong)('%s', (_, args) => {
    const { receiver } = setUp();
    const register = receiver.onTaskSucceeded as (...given: unknown[]) => void;
    expect(() => register(...args)).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
  });

  test.each(['onOtherEvent', 'onDeadLetter'] as const)('%s without a handler', (on) => {
    const { receiver } = setUp();
    expect(() => receiver[on](undefined as never)).toThrow(
      expect.objectContaining({ code: 'invalid_argument' }),
    );
  });
});

describe('best-effort events: progress, other events and dead letters', () => {
  test('do not change the reply if their handler is slow or fails', async () => {
    const { receiver, deliver, clock, log } = setUp();
    const slow = deferred();
    let calls = 0;
    const fail = async () => {
      calls += 1;
      await slow.promise;
      throw new Error('no');
    };
    receiver.onTaskProgress(fail);
    receiver.onOtherEvent(fail);
    for (const sample of [sampleEvents.queued(), sampleEvents.processing(), sampleEvents.other()]) {
      const reply = track(deliver(sample));
      await clock.flush();
      expect(reply.value && codeOf(reply.value)).toBe('accepted');
    }
    expect(calls).toBe(3);
    slow.resolve();
    await clock.flush();
    expect(log.messages('warn')).toEqual([
      'handlers: onTaskProgress failed',
      'handlers: onTaskProgress failed',
      'handlers: onOtherEvent failed',
    ]);
    expect((await receiver.stats()).inbox).toMatchObject({ pending: 0, done: 0, dead: 0 });
  });

  test('progress is not deduplicated and does not make the result a duplicate', async () => {
    const { receiver, settle } = setUp();
    const seen: string[] = [];
    receiver.onTaskProgress(({ task }) => seen.push(task.status));
    receiver.onTaskSucceeded(({ task }) => seen.push(task.status));
    for (const sample of [sampleEvents.queued(), sampleEvents.queued(), event]) {
      expect(codeOf(await settle(sample))).toBe('accepted');
    }
    await settle(sampleEvents.processing());
    expect(seen).toEqual([
      'TASK_STATUS_QUEUED',
      'TASK_STATUS_QUEUED',
      'TASK_STATUS_SUCCEED',
      'TASK_STATUS_PROCESSING',
    ]);
  });

  test('progress that no filter matches is ignored', async () => {
    const { receiver, settle } = setUp();
    receiver.onTaskProgress({ taskType: 'UPSCALE' }, noop);
    expect(codeOf(await settle(sampleEvents.queued()))).toBe('ignored');
  });

  test('other events are passed on unchanged', async () => {
    const { receiver, settle } = setUp();
    const seen: unknown[] = [];
    receiver.onOtherEvent((other) => seen.push(other));
    await settle(sampleEvents.other());
    await settle({ event_type: 'BARE' });
    expect(seen).toEqual([sampleEvents.other(), { event_type: 'BARE' }]);
  });

  test('a dead letter is passed on in full, even if an earlier handler throws', async () => {
    const { receiver, settle, clock } = setUp({ retry: { maxAttempts: 1 } });
    const letters: unknown[] = [];
    receiver.onTaskSucceeded(() => {
      throw new Error('no');
    });
    receiver.onDeadLetter(() => {
      throw new Error('no');
    });
    receiver.onDeadLetter((letter) => letters.push(letter));
    const receivedAt = new Date(clock.now());
    await settle(event, { orderId: 42 });
    expect(letters).toEqual([
      {
        taskId: SAMPLE_TASK,
        code: 'handler_failed',
        reason: 'Error: no',
        attempts: 1,
        receivedAt,
        metadata: { orderId: 42 },
        testMode: false,
        body: JSON.stringify(event.payload),
      },
    ]);
    expect((await receiver.inbox.get(KEY))?.state).toBe('dead');
  });

  test('are dropped and counted if 1000 handlers are running', async () => {
    const { receiver, clock } = setUp({ insecure: true, url: undefined });
    let calls = 0;
    receiver.onOtherEvent(() => {
      calls += 1;
      return new Promise(noop);
    });
    const asked = { method: 'POST', url: '/', headers: {}, body: '{"event_type":"X"}' };
    await Promise.all(Array.from({ length: 1005 }, () => receiver.handle(asked)));
    await clock.flush();
    expect([calls, (await receiver.stats()).dropped]).toEqual([1000, 5]);
    expect((await receiver.stats()).replies).toEqual({ accepted: 1005 });
  });
});
