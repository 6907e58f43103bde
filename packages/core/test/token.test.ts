import { createReceiver } from '@novita-webhooks/core';
import {
  BAD_TOKENS,
  badCallbackUrl,
  createManualClock,
  delivery,
  sampleEvents,
  TEST_SECRET,
} from '@novita-webhooks/testing';
import { createHmac, timingSafeEqual } from 'node:crypto';
import { describe, expect, test } from 'vitest';

import { createSigner } from '../src/callback/signer.ts';
import { createTokens } from '../src/callback/token.ts';
import { codeOf, ENDPOINT, noop, setUp } from './helpers.ts';

const OLD = 'the secret of last year, 32 characters or more';
const NEW = 'the secret of this year, 32 characters or more';
const DAY = 24 * 60 * 60 * 1000;
const event = sampleEvents.imageSucceeded();

const tokenOf = (url: string) => new URL(url).searchParams.get('token') ?? '';

test('token: compares a MAC with that of each secret in constant time, also after a match', () => {
  const compared: boolean[] = [];
  const timingSafe = (one: Uint8Array, other: Uint8Array) => {
    const isEqual = timingSafeEqual(one, other);
    compared.push(isEqual);
    return isEqual;
  };
  const signer = createSigner([NEW, OLD], { createHmac, timingSafeEqual: timingSafe });
  const ofNew = signer.sign('text') as string;
  const forged = (ofNew.startsWith('A') ? 'B' : 'A') + ofNew.slice(1);
  const ofOld = createSigner([OLD]).sign('text') as string;
  expect([ofNew, ofOld, forged].map((mac) => signer.verify('text', mac))).toEqual([
    true,
    true,
    false,
  ]);
  expect(compared).toEqual([true, false, false, true, false, false]);
});

describe('token: rotation of secrets', () => {
  test('accepts a URL that was signed with an older secret', async () => {
    const clock = createManualClock();
    const before = setUp({ secret: OLD }, clock);
    const after = setUp({ secret: [NEW, OLD] }, clock);
    const { url } = await before.receiver.createCallback();
    expect((await after.receiver.handle(delivery(url, event))).status).toBe(200);
  });

  test('signs with the first secret', async () => {
    const clock = createManualClock();
    const { url } = await setUp({ secret: [NEW, OLD] }, clock).receiver.createCallback();
    const onlyNew = setUp({ secret: NEW }, clock);
    const onlyOld = setUp({ secret: OLD }, clock);
    expect((await onlyNew.receiver.handle(delivery(url, event))).status).toBe(200);
    expect((await onlyOld.receiver.handle(delivery(url, event))).status).toBe(401);
  });

  test('rejects a URL that was signed with a removed secret', async () => {
    const clock = createManualClock();
    const { url } = await setUp({ secret: OLD }, clock).receiver.createCallback();
    const after = setUp({ secret: [NEW] }, clock);
    expect((await after.receiver.handle(delivery(url, event))).status).toBe(401);
  });

  test('gives each secret a different key id of 8 characters', async () => {
    const ids = await Promise.all(
      [OLD, NEW].map(async (secret) => {
        const { url } = await setUp({ secret }).receiver.createCallback();
        return tokenOf(url).split('.')[1];
      }),
    );
    expect(ids[0]).toMatch(/^[\w-]{8}$/);
    expect(ids[0]).not.toBe(ids[1]);
  });
});

describe('token: expiry', () => {
  test('accepts a URL for exactly 7 days by default', async () => {
    const { clock, receiver } = setUp();
    const { url } = await receiver.createCallback();
    clock.skip(7 * DAY - 1);
    expect((await receiver.handle(delivery(url, event))).status).toBe(200);
    clock.skip(1);
    expect((await receiver.handle(delivery(url, event))).status).toBe(401);
  });

  test('accepts a URL for exactly expiresInMs', async () => {
    const { clock, receiver } = setUp();
    const { url } = await receiver.createCallback({ expiresInMs: 1000 });
    clock.skip(999);
    expect((await receiver.handle(delivery(url, event))).status).toBe(200);
    clock.skip(1);
    expect((await receiver.handle(delivery(url, event))).status).toBe(401);
  });

  test('accepts a URL with expiresInMs: Infinity after 100 years', async () => {
    const { clock, receiver } = setUp();
    const { url } = await receiver.createCallback({ expiresInMs: Infinity });
    clock.skip(100 * 365 * DAY);
    expect((await receiver.handle(delivery(url, event))).status).toBe(200);
  });

  test.each([0, -1, NaN, '1000', null])('rejects expiresInMs: %s', async (expiresInMs) => {
    const { receiver } = setUp();
    await expect(
      receiver.createCallback({ expiresInMs: expiresInMs as number }),
    ).rejects.toMatchObject({
      code: 'invalid_argument',
    });
  });
});

describe('token: metadata', () => {
  test.each([
    { orderId: 42 },
    { text: 'Grüße aus 東京 🪁', quote: '"\\\u0000\u2028' },
    { nested: { list: [1, null, 'two', { three: true }] } },
    { '': 'empty key', 'a.b': 'dots', token: 'nwt1' },
    {},
  ])('reaches the handler unchanged: %j', async (metadata) => {
    const seen: unknown[] = [];
    const { receiver, settle } = setUp();
    receiver.onTaskSucceeded((_, context) => seen.push(context.metadata));
    expect((await settle(event, metadata)).status).toBe(200);
    expect(seen).toEqual([metadata]);
  });

  test('may have 1024 bytes of JSON', async () => {
    const metadata = { a: 'x'.repeat(1024 - '{"a":""}'.length) };
    expect(JSON.stringify(metadata)).toHaveLength(1024);
    const seen: unknown[] = [];
    const { receiver, settle } = setUp();
    receiver.onTaskSucceeded((_, context) => seen.push(context.metadata));
    await settle(event, metadata);
    expect(seen).toEqual([metadata]);
  });

  test.each([
    ['one byte too many', { a: 'x'.repeat(1024 - '{"a":""}'.length + 1) }],
    ['few characters of many bytes', { a: '東'.repeat(340) }],
  ])('is rejected if it has %s', async (_, metadata) => {
    const { receiver } = setUp();
    await expect(receiver.createCallback({ metadata })).rejects.toMatchObject({
      code: 'invalid_argument',
    });
  });

  test.each([
    ['a list', []],
    ['text', 'order 42'],
    ['null', null],
    ['an object with a function', { a: noop }],
    ['an object with a Date', { a: new Date() }],
    ['an object with a bigint', { a: 1n }],
    ['an object with the key __proto__', JSON.parse('{"a":[{"__proto__":{"b":1}}]}')],
    ['an object with constructor.prototype', { a: { constructor: { prototype: {} } } }],
    ['of undefined alone', { orderId: undefined, note: undefined }],
  ])('is rejected if it is %s', async (_, metadata) => {
    const { receiver } = setUp();
    await expect(receiver.createCallback({ metadata: metadata as never })).rejects.toMatchObject({
      code: 'invalid_argument',
    });
  });

  test('is not read from the event: only signed metadata counts', async () => {
    const seen: unknown[] = [];
    const { receiver, settle } = setUp();
    receiver.onTaskSucceeded((_, context) => seen.push(context.metadata));
    await settle({ ...event, metadata: { orderId: 666 }, payload: { ...event.payload, m: 1 } });
    expect(seen).toEqual([{}]);
  });
});

describe('createCallback', () => {
  test('keeps the query of the option url', async () => {
    const { receiver } = setUp({ url: `${ENDPOINT}?tenant=a%20b&empty=` });
    const { url } = await receiver.createCallback();
    expect(url.startsWith(`${ENDPOINT}?tenant=a%20b&empty=&token=nwt1.`)).toBe(true);
    expect((await receiver.handle(delivery(url, event))).status).toBe(200);
  });

  test('signs neither host nor scheme nor path', async () => {
    const { receiver } = setUp();
    const token = tokenOf((await receiver.createCallback()).url);
    for (const url of [
      `/novita?token=${token}`,
      `/?x=1&token=${token}&y=2`,
      `http://10.0.0.1:3000/elsewhere?token=${token}`,
      `/novita?token=${token.replaceAll('.', '%2E')}`,
      `?token=${token}#fragment`,
    ]) {
      const reply = await receiver.handle({
        ...delivery(url, event),
        headers: { host: 'evil.example.com', 'x-forwarded-host': 'evil.example.com' },
      });
      expect([url, reply.status]).toEqual([url, 200]);
    }
  });

  test('returns a different URL for each call', async () => {
    const { receiver } = setUp();
    const urls = await Promise.all(Array.from({ length: 50 }, () => receiver.createCallbackUrl()));
    expect(new Set(urls).size).toBe(50);
  });

  test('returns test_mode if it is called with testMode', async () => {
    const { receiver } = setUp();
    expect(await receiver.createCallback({ testMode: 'TASK_STATUS_FAILED' })).toMatchObject({
      test_mode: { enabled: true, return_task_status: 'TASK_STATUS_FAILED' },
    });
    expect(await receiver.createCallback()).not.toHaveProperty('test_mode');
  });

  test('signs testMode, which then does not depend on the payload', async () => {
    const seen: boolean[] = [];
    const { receiver, clock } = setUp();
    receiver.onTaskSucceeded((_, { testMode }) => seen.push(testMode));
    const { url } = await receiver.createCallback({ testMode: 'TASK_STATUS_SUCCEED' });
    await receiver.handle(delivery(url, event));
    await clock.flush();
    expect(seen).toEqual([true]);
  });

  test('rejects a missing url and unknown options', async () => {
    const without = createReceiver({ logger: false, secret: TEST_SECRET });
    await expect(without.createCallback()).rejects.toMatchObject({ code: 'invalid_option' });
    const { receiver } = setUp();
    for (const wrong of [{ expires: 1 }, { testMode: 'TASK_STATUS_QUEUED' }, { testMode: true }]) {
      await expect(receiver.createCallback(wrong as never)).rejects.toMatchObject({
        code: 'invalid_argument',
      });
    }
  });
});

describe('token: endpoint', () => {
  test('rejects a URL of another endpoint with the same secret', async () => {
    const clock = createManualClock();
    const images = setUp({ endpoint: 'images' }, clock);
    const videos = setUp({ endpoint: 'videos' }, clock);
    const { url } = await images.receiver.createCallback();
    expect((await images.receiver.handle(delivery(url, event))).status).toBe(200);
    expect((await videos.receiver.handle(delivery(url, event))).status).toBe(401);
  });
});

/** The second argument of `createSigner`: its default, and what runtimes without `node:crypto` use. */
const CRYPTO = { 'node:crypto': undefined, 'Web Crypto': null };

test('token: node:crypto and Web Crypto make the same key id and MAC', async () => {
  const [one, other] = Object.values(CRYPTO).map((node) => createSigner([NEW, OLD], node));
  expect(one?.keyId()).toBe(await other?.keyId());
  expect(one?.sign('text')).toBe(await other?.sign('text'));
  expect(one?.sign('text')).toMatch(/^[\w-]{43}$/);
});

describe.each(Object.entries(CRYPTO))('token: tampering, with %s', (_, node) => {
  const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

  async function accepted(tokens: readonly string[]): Promise<string[]> {
    const { verify } = createTokens(createSigner([TEST_SECRET], node));
    const verdicts = await Promise.all(tokens.map(async (token) => verify(token, 'novita', 0)));
    return tokens.filter((_, index) => typeof verdicts[index] === 'object');
  }

  const mint = async () => {
    const common = { endpoint: 'novita', expiresAt: 1_000_000, metadata: { orderId: 42 } };
    const tokens = createTokens(createSigner([TEST_SECRET], node));
    return (await tokens.mint({ ...common, testMode: false, oneTask: true }, 0)).token;
  };

  const replaceAt = (token: string, index: number, character: string) =>
    token.slice(0, index) + character + token.slice(index + 1);

  test('accepts the unchanged token', async () => {
    const token = await mint();
    expect(await accepted([token])).toEqual([token]);
  });

  test('rejects a token with any one character changed', async () => {
    const token = await mint();
    const changed = Array.from(token).flatMap((original, index) =>
      ['A', 'a', '0', '_', '.', '%', ALPHABET[(ALPHABET.indexOf(original) + 1) % 64] ?? 'A']
        .filter((character) => character !== original)
        .map((character) => replaceAt(token, index, character)),
    );
    expect(changed.length).toBeGreaterThan(1000);
    expect(await accepted(changed)).toEqual([]);
  });

  test('rejects each other last character of a part', async () => {
    const token = await mint();
    const ends = [...token.matchAll(/\./g)].map(({ index }) => index - 1);
    const changed = [...ends, token.length - 1].flatMap((index) =>
      Array.from(ALPHABET)
        .filter((character) => character !== token[index])
        .map((character) => replaceAt(token, index, character)),
    );
    expect(await accepted(changed)).toEqual([]);
  });

  test('rejects a token with a character removed, doubled or appended', async () => {
    const token = await mint();
    const changed = Array.from(token).flatMap((character, index) => [
      token.slice(0, index) + token.slice(index + 1),
      token.slice(0, index) + character + token.slice(index),
    ]);
    const appended = ['=', '==', '.', ' ', '\n', '\u0000', '.A', '%'].flatMap((end) => [
      token + end,
      end + token,
    ]);
    const same = new Set([token]);
    expect(await accepted([...changed, ...appended].filter((it) => !same.has(it)))).toEqual([]);
  });

  test('rejects a token of parts of two valid tokens', async () => {
    const [one, two] = [(await mint()).split('.'), (await mint()).split('.')];
    const mixed = [2, 3].map((part) =>
      one.map((text, index) => (index === part ? two[part] : text)).join('.'),
    );
    expect(await accepted(mixed)).toEqual([]);
  });

  test.each(['x'.repeat(5000), '....', 'nwt1...', 'nwt1.%.%.%', 'nwt1.a.b.', '\u0000', '😀'])(
    'rejects %s without throwing',
    async (token) => {
      expect(await accepted([token])).toEqual([]);
    },
  );
});

describe('token: invalid', () => {
  test.each(BAD_TOKENS)('%s gets 401 before the body is read', async (kind) => {
    const { receiver, log } = setUp();
    let asked = 0;
    const body: AsyncIterable<string> = {
      [Symbol.asyncIterator]: () => {
        asked += 1;
        throw new Error('was read');
      },
    };
    const url = await badCallbackUrl(kind, ENDPOINT);
    const reply = await receiver.handle({ method: 'POST', url, headers: {}, body });
    expect([reply.status, codeOf(reply), asked]).toEqual([401, 'unauthorized', 0]);
    expect((await receiver.stats()).inbox.pending).toBe(0);
    expect(JSON.stringify(log.lines)).not.toContain('nwt1');
  });

  test('is logged as a warning unless it is damaged', async () => {
    for (const kind of BAD_TOKENS) {
      const { receiver, log } = setUp();
      await receiver.handle(delivery(await badCallbackUrl(kind, ENDPOINT), event));
      const isSilent = ['malformed', 'changed'].includes(kind);
      expect([kind, log.messages('warn').length]).toEqual([kind, isSilent ? 0 : 1]);
    }
  });
});

describe('receiver with insecure: true', () => {
  test('accepts events without a token and creates URLs without one', async () => {
    const seen: unknown[] = [];
    const { receiver, clock } = setUp({ insecure: true });
    receiver.onTaskSucceeded((_, { metadata }) => seen.push(metadata));
    for (const options of [{ metadata: { orderId: 42 } }, { expiresInMs: 1000 }]) {
      await expect(receiver.createCallback(options)).rejects.toMatchObject({
        code: 'invalid_argument',
      });
    }
    const callback = await receiver.createCallback({ testMode: 'TASK_STATUS_SUCCEED' });
    expect(callback.url).toBe(ENDPOINT);
    expect(callback.test_mode?.enabled).toBe(true);
    expect((await receiver.handle(delivery('/', event))).status).toBe(200);
    await clock.flush();
    expect(seen).toEqual([{}]);
  });
});
