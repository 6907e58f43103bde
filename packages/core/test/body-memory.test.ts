import { createFakeInbox, createManualClock, sampleEvents } from '@novita-webhooks/testing';
import type { RequestBody, WebhookRequest } from '@novita-webhooks/core';
import { describe, expect, test } from 'vitest';

import { codeOf, noop, request, setUp, track } from './helpers.ts';

const TOTAL = 1000;
const limits = { maxBodyBytes: 800, maxTotalBodyBytes: TOTAL };
const never: AsyncIterable<string> = {
  [Symbol.asyncIterator]: () => ({ next: () => new Promise(noop) }),
};

/** A stream that has yielded some bytes and does not end by itself. */
function halfOf(bytes: number): AsyncIterable<string> {
  let isFirst = true;
  return {
    [Symbol.asyncIterator]: () => ({
      next() {
        if (!isFirst) return new Promise(noop);
        isFirst = false;
        return Promise.resolve({ done: false, value: ' '.repeat(bytes) });
      },
    }),
  };
}

async function* streamOf(...chunks: string[]) {
  yield* chunks;
}

const text = (bytes: number, taskId = 'task') => {
  const task = { task_id: taskId, status: 'TASK_STATUS_SUCCEED' };
  return JSON.stringify({ event_type: 'ASYNC_TASK_RESULT', payload: { task } }).padEnd(bytes);
};

describe('maxTotalBodyBytes: bodies that are in memory at once', () => {
  test('over the limit, a delivery gets 503 with Retry-After and the connection is closed', async () => {
    const { receiver, clock, log } = setUp({ limits });
    const held = track(receiver.handle(await request(receiver, { body: halfOf(500) })));
    await clock.flush();
    const refused = await receiver.handle(await request(receiver, { body: streamOf(text(501)) }));
    expect([refused.status, codeOf(refused), refused.close]).toEqual([503, 'overloaded', true]);
    expect(refused.headers['retry-after']).toBe('5');
    expect(log.messages('warn').join()).toContain('limits.maxTotalBodyBytes');
    const fits = await receiver.handle(await request(receiver, { body: streamOf(text(500)) }));
    expect(fits.status).toBe(200);
    await clock.advance(3000);
    expect(held.value?.status).toBe(408);
    expect((await receiver.stats()).replies).toMatchObject({ overloaded: 1, accepted: 1 });
  });

  test('large bodies that are being read give way to smaller ones, the largest first', async () => {
    const { receiver, clock } = setUp({ limits: { maxBodyBytes: 1000, maxTotalBodyBytes: TOTAL } });
    const start = async (bytes: number) =>
      track(receiver.handle(await request(receiver, { body: halfOf(bytes) })));
    const held = [await start(100), await start(600), await start(300)];
    await clock.flush();
    const small = await receiver.handle(await request(receiver, { body: streamOf(text(200)) }));
    expect(small.status).toBe(200);
    expect(held.map(({ value }) => value && codeOf(value))).toEqual([
      undefined,
      'overloaded',
      undefined,
    ]);
    await clock.advance(3000);
    expect(held.map(({ value }) => value?.status)).toEqual([408, 503, 408]);
    const next = await receiver.handle(await request(receiver, { body: text(1000, 'next') }));
    expect(next.status).toBe(200);
  });

  test.each<[string, () => RequestBody]>([
    ['a stream', () => streamOf(text(400), ' '.repeat(200))],
    ['text', () => text(600)],
    ['bytes', () => Buffer.from(text(600))],
    ['a parsed value, by content-length', () => ({ parsed: sampleEvents.failed() })],
  ])('%s counts until its event is stored', async (_, body) => {
    const clock = createManualClock();
    const inbox = createFakeInbox({ clock });
    const { receiver } = setUp({ limits, inbox }, clock);
    const headers = { 'content-length': '600' };
    inbox.stall();
    const first = track(receiver.handle(await request(receiver, { body: body(), headers })));
    await clock.flush();
    const second = await receiver.handle(await request(receiver, { body: body(), headers }));
    expect(codeOf(second)).toBe('overloaded');
    inbox.recover();
    await clock.flush();
    expect(first.value?.status).toBe(200);
    const third = await receiver.handle(await request(receiver, { body: body(), headers }));
    expect(third.status).toBe(200);
  });

  test('bytes that a sender only announces do not count', async () => {
    const { receiver } = setUp({ limits });
    for (let count = 0; count < 10; count += 1) {
      const headers = { 'content-length': '800' };
      void receiver.handle(await request(receiver, { body: never, headers }));
    }
    const reply = await receiver.handle(await request(receiver, { body: text(800) }));
    expect(reply.status).toBe(200);
  });
});

describe('maxTotalBodyBytes: every reply gives the bytes back', () => {
  type Failure = 'fails' | 'stalls' | 'full';
  const rows: [string, string, Partial<WebhookRequest>, Failure?][] = [
    ['accepted', 'text', { body: text(800) }],
    ['accepted', 'a stream', { body: streamOf(text(800)) }],
    ['ignored', 'another event', { body: '{"event_type":"OTHER"}'.padEnd(800) }],
    ['invalid_json', 'no JSON', { body: 'x'.repeat(800) }],
    ['missing_event_type', 'no event', { body: '{}'.padEnd(800) }],
    ['missing_task_id', 'no task', { body: '{"event_type":"ASYNC_TASK_RESULT"}'.padEnd(800) }],
    ['body_too_large', 'a stream', { body: streamOf(text(700), ' '.repeat(101)) }],
    ['body_too_slow', 'a stream that stalls', { body: halfOf(700) }],
    [
      'body_incomplete',
      'a stream that fails',
      {
        body: (async function* () {
          yield text(700);
          throw new Error('ECONNRESET');
        })(),
      },
    ],
    ['inbox_unavailable', 'the inbox fails', { body: text(800) }, 'fails'],
    ['inbox_full', 'the inbox is full', { body: text(800) }, 'full'],
    ['reply_timeout', 'the inbox stalls', { body: text(800) }, 'stalls'],
  ];

  test.each(rows)('%s: %s', async (code, _, changes, failure) => {
    const clock = createManualClock();
    const inbox = createFakeInbox({ clock });
    const { receiver } = setUp({ limits, inbox }, clock);
    if (failure === 'fails') inbox.fail(new Error('refused'));
    if (failure === 'full') inbox.fail(Object.assign(new Error(), FULL));
    if (failure === 'stalls') inbox.stall();
    const reply = track(receiver.handle(await request(receiver, changes)));
    await clock.advance(4000);
    expect(reply.value && codeOf(reply.value)).toBe(code);
    inbox.recover();
    const next = await receiver.handle(await request(receiver, { body: text(800, 'next') }));
    expect(next.status).toBe(200);
  });

  test('a chunk that arrives after 408 does not count', async () => {
    const { receiver, clock } = setUp({ limits });
    let give: (value: string) => void = noop;
    const body: AsyncIterable<string> = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise((resolve) => (give = (value) => resolve({ done: false, value }))),
      }),
    };
    const late = track(receiver.handle(await request(receiver, { body })));
    await clock.advance(3000);
    expect(late.value?.status).toBe(408);
    give(' '.repeat(700));
    await clock.flush();
    const next = await receiver.handle(await request(receiver, { body: text(800) }));
    expect(next.status).toBe(200);
  });
});

const FULL = { name: 'WebhookError', code: 'inbox_full' };
