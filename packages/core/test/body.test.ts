import { Readable } from 'node:stream';

import type { RequestBody, WebhookRequest } from '@novita-webhooks/core';
import { sampleEvents } from '@novita-webhooks/testing';
import { describe, expect, test } from 'vitest';

import { codeOf, noop, request, SAMPLE_TASK, setUp, track, type Setup } from './helpers.ts';

const event = sampleEvents.imageSucceeded();
const text = JSON.stringify(event);
const utf8 = new TextEncoder();
const MiB = 1024 * 1024;

async function* stream(...chunks: (Uint8Array | string)[]) {
  for (const chunk of chunks) yield await Promise.resolve(chunk);
}

async function answer(changes: Partial<WebhookRequest>, setup: Setup = setUp()) {
  return setup.receiver.handle(await request(setup.receiver, changes));
}

/** A stream whose chunks the test supplies. It counts reads and cancellations. */
function createManualStream() {
  let give: (result: IteratorResult<string>) => void = noop;
  const state = { asked: 0, returned: 0 };
  const body: AsyncIterable<string> = {
    [Symbol.asyncIterator]: () => ({
      next() {
        state.asked += 1;
        return new Promise((resolve) => (give = resolve));
      },
      async return() {
        state.returned += 1;
        return { done: true, value: undefined };
      },
    }),
  };
  const feed = (value: string) => give({ done: false, value });
  return { body, state, feed, end: () => give({ done: true, value: undefined }) };
}

/** An event whose JSON has exactly this many bytes. */
function eventOfBytes(bytes: number, filler = 'x'): string {
  const make = (pad: string) => JSON.stringify({ ...event, pad });
  const room = bytes - utf8.encode(make('')).length;
  const fillers = filler.repeat(Math.floor(room / utf8.encode(filler).length));
  const made = make(fillers + 'x'.repeat(room - utf8.encode(fillers).length));
  expect(utf8.encode(made)).toHaveLength(bytes);
  return made;
}

describe('body: is accepted as', () => {
  const bytes = utf8.encode(text);
  const forms: [string, () => RequestBody][] = [
    ['text', () => text],
    ['bytes', () => bytes],
    ['a Buffer', () => Buffer.from(text)],
    ['a view into a larger buffer', () => Buffer.from(`xx${text}xx`).subarray(2, -2)],
    ['a value that a parser made', () => ({ parsed: structuredClone(event) })],
    ['a value without a prototype', () => ({ parsed: Object.assign(Object.create(null), event) })],
    ['a stream of text', () => stream(text)],
    ['a stream of bytes', () => stream(bytes)],
    ['a stream of single bytes', () => stream(...[...bytes].map((byte) => Uint8Array.of(byte)))],
    ['a stream with empty chunks', () => stream('', text, new Uint8Array())],
    ['a stream of both', () => stream(text.slice(0, 9), bytes.subarray(9))],
    ['a Node stream', () => Readable.from([bytes.subarray(0, 20), bytes.subarray(20)])],
    ['text with a byte order mark', () => `\uFEFF${text}`],
    ['bytes with a byte order mark', () => utf8.encode(`\uFEFF${text}`)],
    ['a stream with a byte order mark', () => stream('\uFEFF', text)],
  ];

  test.each(forms)('%s', async (_, make) => {
    const setup = setUp();
    const reply = await answer({ body: make() }, setup);
    expect([reply.status, codeOf(reply)]).toEqual([200, 'accepted']);
    const stored = await setup.receiver.inbox.get({ endpoint: 'novita', taskId: SAMPLE_TASK });
    expect(JSON.parse(stored?.body ?? '')).toEqual(JSON.parse(JSON.stringify(event.payload)));
  });

  test('characters that are split over chunks', async () => {
    const setup = setUp();
    const odd = JSON.stringify({ ...event, payload: { ...event.payload, note: '🪁東ü' } });
    const chunks = [...utf8.encode(odd)].map((byte) => Uint8Array.of(byte));
    await answer({ body: stream(...chunks) }, setup);
    const stored = await setup.receiver.inbox.get({ endpoint: 'novita', taskId: SAMPLE_TASK });
    expect(JSON.parse(stored?.body ?? '')).toMatchObject({ note: '🪁東ü' });
  });
});

describe('body: maxBodyBytes', () => {
  test.each([
    ['text', (body: string) => body],
    ['bytes', (body: string) => utf8.encode(body)],
    ['a stream', (body: string) => stream(body.slice(0, 1000), body.slice(1000))],
  ])('accepts %s of exactly 1 MiB and rejects one more byte', async (_, form) => {
    for (const filler of ['x', '東']) {
      expect((await answer({ body: form(eventOfBytes(MiB, filler)) })).status).toBe(200);
      expect((await answer({ body: form(eventOfBytes(MiB + 1, filler)) })).status).toBe(413);
    }
  });

  test('can be set to another number of bytes', async () => {
    const setup = setUp({ limits: { maxBodyBytes: text.length } });
    expect((await answer({ body: text }, setup)).status).toBe(200);
    expect((await answer({ body: `${text} ` }, setup)).status).toBe(413);
  });

  test('rejects a too large content-length without reading, and closes', async () => {
    const { body, state } = createManualStream();
    const reply = await answer({ body, headers: { 'content-length': String(MiB + 1) } });
    expect([reply.status, reply.close, state.asked]).toEqual([413, true, 0]);
  });

  test('stops reading at the limit if content-length is too small', async () => {
    let pulled = 0;
    let closed = false;
    async function* endless() {
      try {
        for (;;) {
          pulled += 1;
          yield new Uint8Array(64 * 1024);
        }
      } finally {
        closed = true;
      }
    }
    const reply = await answer({ body: endless(), headers: { 'content-length': '10' } });
    expect([reply.status, reply.close, pulled, closed]).toEqual([413, true, 17, true]);
  });

  test('asks for no chunk after the one that is over the limit', async () => {
    const setup = setUp();
    const { body, state, feed } = createManualStream();
    const reply = track(setup.receiver.handle(await request(setup.receiver, { body })));
    await setup.clock.flush();
    feed('x'.repeat(MiB + 1));
    await setup.clock.flush();
    expect([reply.value?.status, state]).toEqual([413, { asked: 1, returned: 1 }]);
  });

  test('stops a body that pushes a chunk over the limit at once', async () => {
    let stopped = 0;
    const body: RequestBody = {
      pushTo(sink) {
        sink.chunk('x'.repeat(MiB + 1));
        return () => (stopped += 1);
      },
    };
    expect([(await answer({ body })).status, stopped]).toEqual([413, 1]);
  });

  test.each(['', 'abc', '-1', '1e99x', ['5', '6']])(
    'ignores the invalid content-length %j',
    async (length) => {
      const headers = { 'content-length': length };
      expect((await answer({ body: stream(text), headers })).status).toBe(200);
    },
  );
});

describe('body: bodyTimeoutMs', () => {
  test('replies 408 after 3 s and cancels the body', async () => {
    const setup = setUp();
    const { body, state, feed } = createManualStream();
    const asked = await request(setup.receiver, { body });
    const reply = track(setup.receiver.handle(asked));
    await setup.clock.flush();
    feed(text.slice(0, 10));
    await setup.clock.advance(2999);
    expect(reply.settled).toBe(false);
    await setup.clock.advance(1);
    expect([reply.value?.status, reply.value?.close]).toEqual([408, true]);
    expect(state.returned).toBe(1);
    expect(setup.clock.timers()).toBe(0);
  });

  test('covers the whole body: further chunks do not renew it', async () => {
    const setup = setUp({ limits: { bodyTimeoutMs: 1000 } });
    const { body, feed } = createManualStream();
    const reply = track(setup.receiver.handle(await request(setup.receiver, { body })));
    for (let tick = 0; tick < 9; tick += 1) {
      await setup.clock.advance(100);
      feed(' ');
    }
    expect(reply.settled).toBe(false);
    await setup.clock.advance(100);
    expect(reply.value?.status).toBe(408);
  });

  test('accepts a slow body that ends in time', async () => {
    const setup = setUp();
    const { body, feed, end } = createManualStream();
    const reply = track(setup.receiver.handle(await request(setup.receiver, { body })));
    for (const part of [text.slice(0, 50), text.slice(50)]) {
      await setup.clock.advance(1400);
      feed(part);
    }
    await setup.clock.flush();
    end();
    await setup.clock.flush();
    expect(reply.value?.status).toBe(200);
    expect((await setup.receiver.stats()).inbox.pending).toBe(1);
  });

  test('ignores an error of the stream that is cancelled', async () => {
    const body: AsyncIterable<string> = {
      [Symbol.asyncIterator]: () => ({
        next: async () => ({ done: false, value: 'x'.repeat(MiB + 1) }),
        return: () => Promise.reject(new Error('already closed')),
      }),
    };
    expect((await answer({ body })).status).toBe(413);
  });

  test('is cut short by replyTimeoutMs', async () => {
    const { receiver, clock } = setUp({ limits: { replyTimeoutMs: 200, bodyTimeoutMs: 3000 } });
    async function* stalls() {
      yield '{';
      await new Promise(() => undefined);
    }
    const { url } = await receiver.createCallback();
    const reply = track(receiver.handle({ method: 'POST', url, headers: {}, body: stalls() }));
    await clock.advance(201);
    expect(reply.value?.status).toBe(408);
  });
});

describe('body: already read', () => {
  test('replies 500 at once and names the remedy in reply and log', async () => {
    const setup = setUp();
    const reply = await answer({ body: undefined }, setup);
    expect(reply.status).toBe(500);
    expect(reply.body).toMatch(/Mount the webhook middleware before/);
    expect(setup.log.messages('error')).toHaveLength(1);
    expect(setup.clock.timers()).toBe(1); // that of the rolled-up line
  });
});

describe('body: content type', () => {
  test.each([
    undefined,
    '',
    'application/json',
    'application/json; charset=utf-8',
    'Application/JSON;charset=UTF-8',
    ' application/json ',
    'text/json',
    'text/plain;charset=UTF-8',
    'application/problem+json',
    'application/vnd.novita.v3+json',
    'application/octet-stream',
    'application/x-www-form-urlencoded',
  ])('%s is parsed as JSON', async (type) => {
    const headers = type === undefined ? {} : { 'content-type': type };
    expect((await answer({ body: text, headers })).status).toBe(200);
  });

  test.each([
    'multipart/form-data; boundary=x',
    'text/html',
    'application/xml',
    'image/png',
    'application/jsonp',
    'json',
    'nonsense',
  ])('%s is rejected with 415', async (type) => {
    const reply = await answer({ body: text, headers: { 'content-type': type } });
    expect([reply.status, codeOf(reply)]).toEqual([415, 'unsupported_media_type']);
  });
});

describe('body: content encoding', () => {
  test.each(['gzip', 'br', 'GZIP', 'gzip, br'])(
    '%s of a stream is rejected with 415 before it is read',
    async (it) => {
      const { body, state } = createManualStream();
      const reply = await answer({ body, headers: { 'content-encoding': it } });
      expect([reply.status, state.asked]).toEqual([415, 0]);
    },
  );

  test.each(['identity', 'Identity', ''])('%j of a stream is ignored', async (it) => {
    const reply = await answer({ body: stream(text), headers: { 'content-encoding': it } });
    expect(reply.status).toBe(200);
  });

  test('is ignored if a parser has decoded the body', async () => {
    const headers = { 'content-encoding': 'gzip' };
    expect((await answer({ body: { parsed: event }, headers })).status).toBe(200);
    expect((await answer({ body: Buffer.from(text), headers })).status).toBe(200);
  });
});
