import {
  HandlersFailedError,
  isWebhookError,
  PermanentError,
  RetryLaterError,
  WebhookError,
} from '@novita-webhooks/core';
import { describe, expect, test } from 'vitest';

import { cpuTimeMs } from '../../../test/support/cpu-time.ts';
import { describeError, retryDelayOf, summariseError } from '../src/shared/errors.ts';

describe('isWebhookError', () => {
  test('accepts errors of this and of another copy of the library', () => {
    const named = (name: string) =>
      Object.assign(new Error('elsewhere'), { name, code: 'closing' });
    const copies = [named('WebhookError'), named('PermanentError')];
    for (const error of [new WebhookError('closing', 'x'), ...copies]) {
      expect(isWebhookError(error)).toBe(true);
      expect(isWebhookError(error, 'closing')).toBe(true);
      expect(isWebhookError(error, 'permanent')).toBe(false);
    }
  });

  test('accepts the subclasses with their codes', () => {
    expect(isWebhookError(new PermanentError('x'), 'permanent')).toBe(true);
    expect(isWebhookError(new RetryLaterError(1), 'retry_later')).toBe(true);
    const failed = new HandlersFailedError({ type: 'dead', reason: 'x', succeededHandlers: [] });
    expect(isWebhookError(failed, 'handler_failed')).toBe(true);
  });

  test('accepts a subclass of the caller with a name of its own', () => {
    class OrderMissing extends PermanentError {
      override readonly name = 'OrderMissing';
    }
    expect(isWebhookError(new OrderMissing('x'), 'permanent')).toBe(true);
  });

  test('rejects any other value and never throws', () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    for (const other of [
      undefined,
      null,
      'WebhookError',
      new Error('x'),
      Object.assign(new Error('x'), { code: 'closing' }),
      { name: 'Error', code: 'closing' },
      () => 1,
      proxy,
    ]) {
      expect(isWebhookError(other)).toBe(false);
      expect(isWebhookError(other, 'closing')).toBe(false);
    }
  });
});

describe('retryDelayOf', () => {
  test.each([
    [new RetryLaterError(0), 0],
    [{ name: 'WebhookError', code: 'retry_later', delayMs: 5 }, 5],
    [{ name: 'WebhookError', code: 'retry_later', delayMs: NaN }, null],
    [{ name: 'WebhookError', code: 'retry_later', delayMs: '5' }, null],
    [{ name: 'WebhookError', code: 'retry_later', delayMs: -5 }, null],
    [{ name: 'WebhookError', code: 'retry_later' }, null],
    [{ delayMs: 5 }, null],
  ])('of %j is %s', (error, expected) => {
    expect(retryDelayOf(error)).toBe(expected);
  });
});

describe('PermanentError and RetryLaterError', () => {
  test('keep name, message and cause', () => {
    const cause = new Error('why');
    expect(String(new RetryLaterError(5, 'busy'))).toBe('RetryLaterError: busy');
    expect(new PermanentError('no', { cause })).toMatchObject({
      name: 'PermanentError',
      code: 'permanent',
      message: 'no',
      cause,
    });
    expect(new RetryLaterError(5).message).not.toBe('');
  });
});

describe('describeError', () => {
  test.each([
    [new TypeError('no'), 'TypeError: no'],
    [new PermanentError('no order 5'), 'PermanentError: no order 5'],
    [new WebhookError('closing', 'no'), 'WebhookError: no (closing)'],
    ['text', 'threw string: text'],
    [undefined, 'threw undefined: undefined'],
    [
      new Error('GET https://x.example/f?X-Amz-Signature=1#a failed'),
      'Error: GET https://x.example/f?[redacted] failed',
    ],
    [
      new Error('<https://x.example/f?a=1>,"HTTPS://x.example?b=2",\'http://x.example/#c\''),
      'Error: <https://x.example/f?[redacted]>,"HTTPS://x.example?[redacted]",\'http://x.example/?[redacted]\'',
    ],
    [new Error('https://x.example/plain'), 'Error: https://x.example/plain'],
    [
      new Error('postgres://app:p@ss@db/app and http://u@h.example/a@b'),
      'Error: postgres://[redacted]@db/app and http://[redacted]@h.example/a@b',
    ],
  ])('names the thrown value without the query strings of links', (thrown, text) => {
    expect(describeError(thrown)).toBe(text);
  });

  test.each<readonly [string, string]>([
    ['Authorization: Bearer abc_123456', 'Authorization: Bearer [redacted]'],
    ['{"authorization":"Bearer abc_123456"}', '{"authorization":"Bearer [redacted]"}'],
    [
      String.raw`{\"authorization\":\"abc_123456\"}`,
      String.raw`{\"authorization\":\"[redacted]\"}`,
    ],
    ['authorization=Basic abcdefgh1234==', 'authorization=Basic [redacted]'],
    ['sent bearer abc_123456, got 401', 'sent bearer [redacted], got 401'],
    ["headers: { 'x-api-key': 'abc_123456' }", "headers: { 'x-api-key': '[redacted]' }"],
    ['POST /v3?api_key=abc_123456 failed', 'POST /v3?[redacted] failed'],
    ['apiKey=abc_123456', 'apiKey=[redacted]'],
    ['the key sk_abcdef123456 is unknown', 'the key [redacted] is unknown'],
    ['the key sk-proj-abcdef123456 is unknown', 'the key [redacted] is unknown'],
    ...[
      'apiKey: is empty. Is the environment variable set?',
      'authorization: required by this endpoint',
      'the bearer certificate is refused',
      'task sk-task',
    ].map((text) => [text, text] as const),
  ])('hides keys: %s', (text, shown) => {
    expect(describeError(new Error(text))).toBe(`Error: ${shown}`);
    expect(summariseError(new Error(text)).message).toBe(shown);
  });

  test('takes little time for texts that nearly match', () => {
    const texts = ['sk-', 'bearer ', 'authorization: ', 'api-key=', "'x-api-key': '"];
    const before = cpuTimeMs();
    for (const text of texts) describeError(new Error(text.repeat(10_000)));
    expect(cpuTimeMs() - before).toBeLessThan(2000);
  });

  test('returns at most 500 characters', () => {
    expect(describeError(new Error('x'.repeat(10_000)))).toHaveLength(500);
  });

  test('leaves no part of a query string when it shortens the text', () => {
    const link = 'https://x.example/f?X-Amz-Signature=5ec2e7';
    for (let before = 400; before < 500; before += 1) {
      expect(describeError(new Error(`${'x'.repeat(before)} ${link}`))).not.toContain('5ec2e7');
    }
  });
});
