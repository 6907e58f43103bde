import { createReceiver, type RequestBody } from '@novita-webhooks/core';
import { sampleEvents, signedDelivery, TEST_SECRET } from '@novita-webhooks/testing';
import { describe, expect, test } from 'vitest';

import { copyJson, keepAsJson } from '../src/shared/copy-json.ts';
import { noop, SAMPLE_TASK, setUp } from './helpers.ts';

const SEED = 12345678901234567890n;

/** The sample event with members in `payload.extra`. */
function eventWith(extra: object, task: object = {}) {
  const { event_type, payload } = sampleEvents.imageSucceeded();
  return {
    event_type,
    payload: { ...payload, task: { ...(payload['task'] as object), ...task }, extra },
  };
}

async function keep(parsed: unknown) {
  const { receiver } = setUp();
  const delivered = await signedDelivery(receiver, {});
  const reply = await receiver.handle({ ...delivered, body: { parsed } });
  const entry = (await receiver.inbox.list()).entries[0];
  return {
    status: reply.status,
    entry,
    payload: JSON.parse(entry?.body ?? 'null') as { extra: unknown },
  };
}

/** What a parser for exact numbers makes of 12345678901234567890. */
class ExactNumber {
  valueOf() {
    return SEED;
  }
}

describe('a parsed body', () => {
  test.each([
    ['bigint', SEED],
    ['object with toJSON', { toJSON: () => String(SEED) }],
    ['object with valueOf', new ExactNumber()],
    ['boxed bigint', Object(SEED)],
  ])('keeps the digits of a %s', async (_, seed: unknown) => {
    const seeds: unknown[] = [];
    const { receiver, clock } = setUp({ onTaskSucceeded: ({ extra }) => seeds.push(extra.seed) });
    receiver.start();
    const delivered = await signedDelivery(receiver, {});
    const reply = await receiver.handle({ ...delivered, body: { parsed: eventWith({ seed }) } });
    await clock.flush();
    expect([reply.status, seeds]).toEqual([200, ['12345678901234567890']]);
  });

  test('with safe bigints is the event that it is with numbers', async () => {
    const asBigints = await keep(eventWith({ seed: 42n }, { progress_percent: 100n, eta: 0n }));
    const asNumbers = await keep(eventWith({ seed: 42 }, { progress_percent: 100, eta: 0 }));
    expect(asBigints.payload).toEqual(asNumbers.payload);
  });

  test('with a bigint as its task id is kept under the digits', async () => {
    const { status, entry } = await keep(eventWith({}, { task_id: SEED }));
    expect([status, entry?.taskId, entry?.schemaError]).toEqual([200, String(SEED), null]);
  });

  test.each([
    ['NaN', NaN, null],
    ['a date', new Date(0), '1970-01-01T00:00:00.000Z'],
    [
      'an object of a class',
      new (class A {
        a = 1;
      })(),
      { a: 1 },
    ],
    ['undefined in a list', [undefined], [null]],
    ['a boxed string', Object('x'), 'x'],
  ])('keeps %s as JSON.stringify would', async (_, value: unknown, expected) => {
    expect((await keep(eventWith({ value }))).payload.extra).toEqual({ value: expected });
  });

  test('is stored as it was read: a getter is called once', async () => {
    let reads = 0;
    const extra = {
      get value() {
        return (reads += 1);
      },
    };
    expect((await keep(eventWith(extra))).payload.extra).toEqual({ value: 1 });
    expect(reads).toBe(1);
  });
});

/** Objects that a naive walk never leaves, or leaves with a RangeError. */
function hostileObjects(): [string, object][] {
  const self: Record<string, unknown> = {};
  Object.assign(self, { a: self, b: self });
  let deep: object = {};
  for (let level = 0; level < 20_000; level += 1) deep = { deep };
  let deepList: unknown[] = [];
  for (let level = 0; level < 20_000; level += 1) deepList = [deepList];
  let shared: object = {};
  for (let level = 0; level < 60; level += 1) shared = { a: shared, b: shared };
  class Node {
    a: Node = this;
    b: Node = this;
  }
  const converted = { toJSON: (): unknown => ({ a: converted, b: converted }) };
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return [
    ['refers to itself twice', self],
    ['is 20,000 objects deep', deep],
    ['is 20,000 lists deep', { deepList }],
    ['shares members 60 levels deep', shared],
    ['is of a class and refers to itself twice', new Node()],
    ['has a toJSON that leads back to it', converted],
    ['is a sparse list of 4 billion', { list: new Array(2 ** 32 - 1) }],
    ['is a revoked proxy', proxy],
    [
      'throws when it is read',
      {
        get a() {
          throw new Error('no');
        },
      },
    ],
  ];
}

describe.each(hostileObjects())('an object that %s', (_, hostile) => {
  const settled = (work: Promise<unknown>) =>
    work.then(
      () => 'resolved',
      (error: unknown) => error,
    );

  test('as a parsed body: 400', async () => {
    expect((await keep(hostile)).status).toBe(400);
    expect((await keep(eventWith({ hostile }))).status).toBe(400);
  });

  test('processEntry and processUnverified: rejected', async () => {
    const { receiver } = setUp({ onTaskFinished: noop });
    for (const value of [hostile, eventWith({ hostile })]) {
      expect(await settled(receiver.processUnverified(value))).toMatchObject({
        code: 'invalid_json',
      });
      expect(await settled(receiver.processEntry(value))).toMatchObject({ code: 'invalid_json' });
    }
  });

  test('as metadata: invalid_argument', async () => {
    const { receiver } = setUp({ onTaskFinished: noop });
    for (const metadata of [hostile, { hostile }] as Record<string, unknown>[]) {
      const error = { code: 'invalid_argument' };
      expect(await settled(receiver.createCallback({ metadata }))).toMatchObject(error);
      expect(await settled(receiver.createCallbackUrl({ metadata }))).toMatchObject(error);
      const processed = receiver.processUnverified(sampleEvents.imageSucceeded(), { metadata });
      expect(await settled(processed)).toMatchObject(error);
    }
  });

  test('as options: a WebhookError', async () => {
    const { receiver } = setUp({ onTaskFinished: noop });
    const code = expect.stringMatching(/^invalid_/) as unknown;
    const never = hostile as never;
    expect(await settled(receiver.createCallback(never))).toMatchObject({ code });
    expect(await settled(receiver.processUnverified(sampleEvents.failed(), never))).toMatchObject({
      code,
    });
    expect(() =>
      createReceiver({ logger: false, secret: TEST_SECRET, handlers: never, limits: never }),
    ).toThrow(expect.objectContaining({ code }));
  });

  test('thrown by a handler: the entry is retried', async () => {
    const { receiver, settle } = setUp({ retry: { delay: () => 1000 } });
    receiver.onTaskSucceeded(() => {
      throw hostile as Error;
    });
    receiver.start();
    await settle(sampleEvents.imageSucceeded());
    expect(await receiver.stats()).toMatchObject({ outcomes: { retry: 1 } });
  });
});

test('copyJson names the path of a value', () => {
  const loop: Record<string, unknown> = {};
  loop['self'] = loop;
  expect(() => copyJson({ a: [1, loop] }, keepAsJson)).toThrow(
    'a.1.self refers to an object that contains it',
  );
});

describe('a number that no double holds', () => {
  const body = (text: string): RequestBody =>
    JSON.stringify(sampleEvents.imageSucceeded()).replace('"reason":""', `"reason":${text}`);

  test('1e400 is the same at the door and in the attempt', async () => {
    const reasons: unknown[] = [];
    const { receiver, clock } = setUp({ onTaskSucceeded: ({ task }) => reasons.push(task.reason) });
    receiver.start();
    const delivered = await signedDelivery(receiver, {});
    expect(body('1e400')).toContain('1e400');
    expect((await receiver.handle({ ...delivered, body: body('1e400') })).status).toBe(200);
    await clock.flush();
    const entry = await receiver.inbox.get({ endpoint: 'novita', taskId: SAMPLE_TASK });
    expect([entry?.state, entry?.schemaError, reasons]).toEqual(['done', null, ['']]);
  });
});
