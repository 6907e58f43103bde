import { createReceiver, memoryInbox, toReceiver } from '@novita-webhooks/core';
import { TEST_SECRET } from '@novita-webhooks/testing';
import { describe, expect, test } from 'vitest';

import { noop } from './helpers.ts';

const make = (options: Record<string, unknown>) =>
  createReceiver({ secret: TEST_SECRET, ...options });

describe('createReceiver: throws and names the option for', () => {
  const wrong: [string, Record<string, unknown>, RegExp][] = [
    ['no secret', { secret: undefined }, /secret is missing.*openssl rand/s],
    ['an empty secret', { secret: '' }, /secret/],
    ['a short secret', { secret: TEST_SECRET.slice(0, 31) }, /secret.*32/],
    ['no secrets', { secret: [] }, /secret/],
    ['a short secret among others', { secret: [TEST_SECRET, 'short'] }, /secret.*32/],
    ['a secret that is no string', { secret: 42 }, /secret/],
    ['a secret and insecure', { insecure: true }, /exclude/],
    ['insecure: false', { insecure: false }, /insecure/],
    ['a typo', { secrets: [TEST_SECRET] }, /secrets/],
    ['a typo deep inside', { limits: { bodySize: 1 } }, /bodySize/],
    ['a URL without a scheme', { url: 'example.com/hooks' }, /url/],
    ['a URL with another scheme', { url: 'ftp://example.com/' }, /url/],
    ['a javascript: URL', { url: 'javascript:alert(1)' }, /url/],
    ['a URL with a fragment', { url: 'https://example.com/#x' }, /url.*fragment/],
    ['a URL with a token', { url: 'https://example.com/?a=1&token=x' }, /url.*token/],
    ['a URL with a password', { url: 'https://user:pass@example.com/' }, /url.*no password.*login/],
    ['a URL object with a user', { url: new URL('https://user@example.com/') }, /url.*no user/],
    ['an empty endpoint', { endpoint: '' }, /endpoint/],
    ['a long endpoint', { endpoint: 'x'.repeat(65) }, /endpoint/],
    ['an unknown ack', { ack: 'done' }, /ack/],
    ['no bytes', { limits: { maxBodyBytes: 0 } }, /limits\.maxBodyBytes/],
    ['half a byte', { limits: { maxBodyBytes: 0.5 } }, /limits\.maxBodyBytes/],
    [
      'a total below one body',
      { limits: { maxBodyBytes: 10, maxTotalBodyBytes: 9 } },
      /limits\.maxTotalBodyBytes: must be at least maxBodyBytes/,
    ],
    ['a timeout of 0', { limits: { replyTimeoutMs: 0 } }, /limits\.replyTimeoutMs/],
    ['a negative timeout', { limits: { bodyTimeoutMs: -1 } }, /limits\.bodyTimeoutMs/],
    ['a timeout of NaN', { handlers: { timeoutMs: NaN } }, /handlers\.timeoutMs/],
    ['no concurrency', { handlers: { concurrency: 0 } }, /handlers\.concurrency/],
    ['a concurrency of 1.5', { handlers: { concurrency: 1.5 } }, /handlers\.concurrency/],
    ['no attempts', { retry: { maxAttempts: 0 } }, /retry\.maxAttempts/],
    ['a delay that is a number', { retry: { delay: 1000 } }, /retry\.delay/],
    ['an unknown testEvents', { testEvents: 'drop' }, /testEvents/],
    ['a logger without all methods', { logger: { info: noop } }, /logger/],
    ['a logger that is null', { logger: null }, /logger/],
    ['an inbox without all methods', { inbox: { add: noop } }, /inbox.*consume.*addOnlyInbox/],
    [
      'an inbox that does not say what it can do',
      { inbox: { ...memoryInbox(), capabilities: null } },
      /inbox.*capabilities/,
    ],
    ['the function memoryInbox as inbox', { inbox: memoryInbox }, /inbox/],
    ['a clock without all methods', { clock: { now: noop } }, /clock/],
    ['a handler that is no function', { onTaskSucceeded: 'log' }, /onTaskSucceeded/],
  ];

  test.each(wrong)('%s', (_, options, message) => {
    expect(() => make(options)).toThrow(
      expect.objectContaining({
        name: 'WebhookError',
        code: 'invalid_option',
        message: expect.stringMatching(message) as unknown,
      }),
    );
  });

  test.each([undefined, null, 'options'])('options that are %j', (options) => {
    expect(() => createReceiver(options as never)).toThrow(
      expect.objectContaining({
        code: 'invalid_option',
        message:
          'createReceiver: options must be a plain object. Call it as createReceiver({ url, secret }).',
      }),
    );
  });

  test('options that are a list', () => {
    expect(() => createReceiver([] as never)).toThrow(
      expect.objectContaining({ code: 'invalid_option' }),
    );
  });
});

describe('createReceiver: accepts', () => {
  test.each([
    {},
    { secret: [TEST_SECRET, '0123456789abcdef'.repeat(2)] },
    { secret: undefined, insecure: true },
    { url: 'http://localhost:3000/hooks?tenant=1' },
    { url: new URL('https://example.com/hooks') },
    { limits: {}, handlers: {}, retry: {} },
    { limits: { maxBodyBytes: 100 * 1024 * 1024 } },
    { limits: { maxBodyBytes: 10, maxTotalBodyBytes: 10 } },
    {
      limits: { maxBodyBytes: undefined },
      inbox: undefined,
      logger: undefined,
      endpoint: undefined,
    },
    { endpoint: 'images', ack: 'handled', testEvents: 'ignore' },
    { onDeadLetter: undefined },
  ])('%j', (options) => {
    expect(() => make(options)).not.toThrow();
  });

  test('frozen options and does not change them', () => {
    const options = Object.freeze({ secret: Object.freeze([TEST_SECRET]), limits: {} });
    expect(() => createReceiver(options)).not.toThrow();
    expect(options).toEqual({ secret: [TEST_SECRET], limits: {} });
  });
});

describe('memoryInbox', () => {
  test.each([
    { leaseDurationMs: 0 },
    { leaseDurationMs: NaN },
    { cleanupIntervalMs: -1 },
    { retention: { doneMs: 0 } },
    { retention: { deadMs: -5 } },
  ])('throws for the options %j', (options) => {
    expect(() => memoryInbox(options)).toThrow(expect.objectContaining({ code: 'invalid_option' }));
  });

  test.each([null, 5, 'path'])('throws for options that are %j', (options) => {
    expect(() => memoryInbox(options as never)).toThrow(
      'memoryInbox: options must be a plain object. Call it as memoryInbox().',
    );
  });

  test.each([
    { maxEntries: NaN },
    { maxBytes: -1 },
    { leaseDurationMs: '30' },
    { maxEntry: 5 },
    { retention: { doneMs: 0 } },
  ])('throws for the invalid options %j', (options) => {
    expect(() => memoryInbox(options as never)).toThrow(
      expect.objectContaining({ code: 'invalid_option' }),
    );
  });
});

describe('toReceiver', () => {
  test('returns a receiver unchanged and creates one from options', () => {
    const receiver = make({});
    expect(toReceiver(receiver)).toBe(receiver);
    expect(toReceiver({ secret: TEST_SECRET }).handle).toBeTypeOf('function');
    expect(() => toReceiver({})).toThrow(expect.objectContaining({ code: 'invalid_option' }));
  });

  test.each<[string, unknown]>([
    ['undefined', undefined],
    ['string', 'a secret that is not printed'],
    ['null', null],
    ['a request', new Request('http://localhost')],
    ['a request', { req: {} }],
  ])('says how to mount an adapter that got %s', (what, target) => {
    expect(() => toReceiver(target as never, { usage: 'app.use(it(receiver))' })).toThrow(
      `adapter: got ${what} instead of a receiver or its options. Mount it as app.use(it(receiver)).`,
    );
  });

  test('rejects a path without a slash', () => {
    expect(() => toReceiver(make({}), { path: 'webhooks' })).toThrow(
      "adapter: path 'webhooks' must begin with a slash.",
    );
  });
});
