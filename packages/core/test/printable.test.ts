import { cpuTimeMs } from '../../../test/support/cpu-time.ts';
import { PermanentError, redactUrl } from '@novita-webhooks/core';
import { delivery, sampleEvents } from '@novita-webhooks/testing';
import { describe, expect, test } from 'vitest';

import { describeError, stackOf } from '../src/shared/errors.ts';
import { redactJson, redactPayload } from '../src/shared/redact.ts';
import { codeOf, noop, setUp } from './helpers.ts';

const TOKEN = `nwt1.vZtycm62.${'eyJlIjoi'.repeat(5)}.${'Aa0-_Zz'.repeat(6)}A`;
const MAC = TOKEN.split('.')[3] ?? '';
const HOSTILE = [
  '\n',
  '\r',
  '\u001b[2K',
  '\u0000',
  '\u0085',
  '\u009b',
  '\u200b',
  '\u202e',
  '\u2028',
  '\u2029',
  '\u2066',
  '\ufeff',
  '\ud800',
];
const UNPRINTABLE = /[\p{Cc}\p{Cs}\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/u;

function eventWithId(taskId: unknown) {
  const { event_type, payload } = sampleEvents.imageSucceeded();
  return {
    event_type,
    payload: { ...payload, task: { ...(payload['task'] as object), task_id: taskId } },
  };
}

describe('a task id', () => {
  test.each(HOSTILE)('with %j: 422', async (character) => {
    const { receiver, deliver } = setUp();
    const reply = await deliver(eventWithId(`a${character}b`));
    expect([reply.status, codeOf(reply)]).toEqual([422, 'missing_task_id']);
    expect((await receiver.inbox.list()).entries).toEqual([]);
    await expect(receiver.processUnverified(eventWithId(`a${character}b`))).rejects.toMatchObject({
      code: 'missing_task_id',
    });
  });

  test('that holds a token: 422', async () => {
    const { deliver } = setUp();
    expect((await deliver(eventWithId(TOKEN))).status).toBe(422);
    expect((await deliver(eventWithId(`x ${TOKEN.replaceAll('.', '%252E')}`))).status).toBe(422);
  });

  test.each(['a b', '任务-1', 'ü/é:1', '🪁', 'x'.repeat(256), '🪁'.repeat(256)])(
    '%s is taken',
    async (taskId) => {
      expect((await setUp().deliver(eventWithId(taskId))).status).toBe(200);
    },
  );
});

describe('the text of an error', () => {
  test.each(HOSTILE)(
    'with %j is one printable line, in logs and dead letters',
    async (character) => {
      const { receiver, log, settle } = setUp();
      const text = `one${character}2026-01-01 ERROR forged`;
      receiver.onTaskSucceeded(() => {
        const error = new PermanentError(text, { cause: new Error(text) });
        throw Object.assign(error, { name: text });
      });
      receiver.start();
      await settle(sampleEvents.imageSucceeded());
      const reason = (await receiver.inbox.list()).entries[0]?.reason ?? '';
      expect(reason).toMatch(/one.*forged.*caused by.*one.*forged/);
      const fields = log.lines.flatMap(({ message, details: { reason, error } }) => [
        message,
        reason,
        error,
      ]);
      for (const line of [reason, ...fields]) expect(String(line)).not.toMatch(UNPRINTABLE);
    },
  );

  test('adds no line to its stack', () => {
    const error = new Error('one\n    at forged (file.js:1:1)\u001b[31m');
    const [first, ...frames] = stackOf(error)?.split('\n') ?? [];
    expect(first).toContain('at forged');
    expect(frames.length).toBeGreaterThan(0);
    for (const frame of frames) expect(frame).not.toContain('forged');
    expect(stackOf(error)).not.toContain('\u001b');
  });

  test('of members with hostile names is one printable line without a token', async () => {
    const { receiver } = setUp({ insecure: true, onTaskFinished: noop });
    const names = { [`a\u001b\n${TOKEN}`]: 1 };
    const error: unknown = await receiver.processEntry(names).catch((thrown: unknown) => thrown);
    expect(String(error)).not.toMatch(UNPRINTABLE);
    expect(String(error)).not.toContain(MAC);
  });

  test.each([
    'bucket.example.com/f.png?X-Amz-Date=1&X-Amz-Signature=5ec2e7',
    '//cdn.example.com/f.png?Expires=1&Signature=5ec2e7&Key-Pair-Id=5ec2e7',
    '/f.png?q-sign-algorithm=sha1&q-signature=5ec2e7',
    'f.png?sv=2024&sig=5ec2e7',
    'X-Amz-Credential=5ec2e7&X-Amz-Signature=5ec2e7',
    'X-Goog-Signature=5ec2e7',
    'f.png?a=1&amp;X-Amz-Signature=5ec2e7',
    'https%3A%2F%2Fx.example%2Ff.png%3FX-Amz-Signature%3D5ec2e7',
    'f.png%253FX-Amz-Signature%253D5ec2e7',
    'a=1%26X-Amz-Signature%3D5ec2e7',
    'a=1%2526Signature%253D5ec2e7',
    String.raw`a=1\u0026X-Amz-Signature\u003d5ec2e7`,
    String.raw`a=1\\u0026X-Amz-Signature\\u003D5ec2e7`,
    String.raw`f.png\x3fsv\x3d2024\x26sig\x3d5ec2e7`,
    'f.png&quest;a=1&amp;sig&equals;5ec2e7',
    '{"Signature":"5ec2e7"}',
    '{"X-Amz-Signature" : "5ec2e7"}',
  ])('hides a presigned link: %s', (link) => {
    expect(describeError(new Error(`GET ${link} failed`))).not.toContain('5ec2e7');
    expect(describeError(new Error(`GET ${link} failed`))).toContain('failed');
  });

  test('is short for a list whose members are shared exponentially often', () => {
    let list: unknown[] = [];
    for (let level = 0; level < 60; level += 1) list = [list, list];
    expect(describeError(list)).toBe('threw object: a list of 2');
    expect(describeError({ message: list })).toBe('Error: a list of 2');
  });
});

/** The ways in which a copy of a token may be encoded. */
const encodings: [string, (token: string) => string][] = [
  ['percent-encoded', (token) => token.replaceAll('.', '%2E')],
  ['percent-encoded twice', (token) => token.replaceAll('.', '%252E')],
  ['percent-encoded three times', (token) => token.replaceAll('.', '%25252e')],
  ['HTML-escaped, decimal', (token) => token.replaceAll('.', '&#46;')],
  ['HTML-escaped, padded', (token) => token.replaceAll('.', '&#0046;')],
  ['HTML-escaped, hexadecimal', (token) => token.replaceAll('.', '&#x2e;')],
  ['HTML-escaped, by name', (token) => token.replaceAll('.', '&period;')],
  ['JSON-escaped', (token) => token.replaceAll('.', '\\u002e')],
  ['JSON-escaped twice', (token) => token.replaceAll('.', '\\\\u002E')],
];

test.each(encodings)('a token that is %s is redacted everywhere', async (_, encode) => {
  const copy = encode(TOKEN);
  expect(redactPayload({ text: `see ${copy}`, [copy]: 1 }).text).not.toContain(MAC);
  expect(redactJson([JSON.stringify({ copy })])).not.toContain(MAC);
  expect(describeError(new Error(copy))).not.toContain(MAC);
  expect(redactUrl(`/hook#${copy}`)).not.toContain(MAC);
});

describe('further secrets in the query of url', () => {
  const url = 'https://user:5ec2e7@hooks.example.com/novita?apikey=5ec2e7&tenant=acme';

  test.each([
    ['as it is', (callbackUrl: string) => callbackUrl],
    ['in a text', (callbackUrl: string) => `could not call "${callbackUrl}".`],
    ['percent-encoded', (callbackUrl: string) => encodeURIComponent(callbackUrl)],
    [
      'percent-encoded twice',
      (callbackUrl: string) => encodeURIComponent(encodeURIComponent(callbackUrl)),
    ],
    [
      'in nested JSON',
      (callbackUrl: string) => JSON.stringify({ a: JSON.stringify({ callbackUrl }) }),
    ],
  ])('are not stored when Novita echoes the callback URL %s', async (_, echo) => {
    const { receiver } = setUp({ url: url.replace('user:5ec2e7@', '') });
    const callbackUrl = await receiver.createCallbackUrl();
    const { event_type, payload } = sampleEvents.imageSucceeded();
    const extra = { webhook: { url: callbackUrl }, debug_info: echo(callbackUrl) };
    await receiver.handle(delivery(callbackUrl, { event_type, payload: { ...payload, extra } }));
    const body = (await receiver.inbox.list()).entries[0]?.body ?? '';
    expect(body).toContain('hooks.example.com');
    expect(body).not.toContain('5ec2e7');
  });

  test.each([
    [url, 'https://[redacted]@hooks.example.com/novita?apikey=[redacted]&tenant=[redacted]'],
    ['/novita?token=abc', '/novita?token=[redacted]'],
    ['/novita?TOKEN=abc#access=abc', '/novita?TOKEN=[redacted]#access=[redacted]'],
    ['/novita?a&b=1;c=2', '/novita?a&b=[redacted];c=[redacted]'],
    ['/novita?a=1?b=2', '/novita?a=[redacted]?b=[redacted]'],
    [`/novita/${TOKEN}`, '/novita/[redacted]'],
    ['//user:pass@host/x', '//[redacted]@host/x'],
    ['/novita', '/novita'],
    ['', ''],
  ])('redactUrl hides every value: %s', (given, expected) => {
    expect(redactUrl(given)).toBe(expected);
  });

  test.each([
    ['question marks', '?'.repeat(1_000_000)],
    ['tokens', `?token=${TOKEN}`.repeat(8000)],
    ['unfinished tokens', 'nwt1.'.repeat(200_000)],
    ['encoded question marks', '%3F'.repeat(300_000)],
    ['equal signs', '?a='.repeat(300_000)],
  ])('a megabyte of %s is redacted in a moment', (_, text) => {
    const startedAt = cpuTimeMs();
    redactPayload({ text, extra: { webhook: { url: text } } });
    describeError(new Error(text));
    redactUrl(text);
    expect(cpuTimeMs() - startedAt).toBeLessThan(4000);
  });
});
