import { createReceiver } from '@novita-webhooks/core';
import { createManualClock, delivery, sampleEvents, TEST_SECRET } from '@novita-webhooks/testing';
import { describe, expect, test } from 'vitest';

import { ENDPOINT, setUp } from './helpers.ts';

const GOOD = 'b0c1d2e3f4a596877869504132231405aabbccdd00112233445566778899eeff';
const event = sampleEvents.imageSucceeded();

describe('createReceiver refuses a secret', () => {
  test.each([
    ['of blanks', ' '.repeat(40), /blank.*openssl/],
    ['of line breaks', '\n'.repeat(40), /blank/],
    ['that ends with a line break', `${GOOD}\n`, /whitespace.*trim/],
    ['that ends with a carriage return', `${GOOD}\r`, /whitespace/],
    ['that begins with a blank', ` ${GOOD}`, /whitespace/],
    ['that begins with a byte order mark', `\uFEFF${GOOD}`, /whitespace/],
    [
      'with a space of no width',
      `${GOOD}\u200B0`,
      /invisible character \(U\+200B\) at position 65/,
    ],
    ['with a line break', `${GOOD}\n${GOOD}`, /invisible character \(U\+000A\)/],
    ['with a no-break space', `0\u00A0${GOOD}`, /invisible character \(U\+00A0\) at position 2/],
    ['with a lone surrogate', `\uD800${GOOD}`, /invisible character \(U\+D800\)/],
    ['in quotes', `"${GOOD}"`, /quotes/],
    ['in single quotes', `'${GOOD}'`, /quotes/],
    ['of one character', 'x'.repeat(64), /different characters/],
    ['of a short pattern', 'abc'.repeat(20), /different characters/],
    ['to be changed', 'change-me-change-me-change-me-change-me', /placeholder/],
    ['of a template', 'your-webhook-secret-at-least-32-characters', /placeholder/],
    ['in angle brackets', '<openssl rand -hex 32 goes in here>', /placeholder/],
    ['that was not expanded', '${NOVITA_WEBHOOK_SECRET_OF_PRODUCTION}', /placeholder/],
    ['of a pipeline', '{{ secrets.NOVITA_WEBHOOK_SECRET }}', /placeholder/],
  ])('%s', (_, secret, message) => {
    for (const given of [secret, [secret], [GOOD, secret]]) {
      try {
        createReceiver({ logger: false, secret: given });
        expect.unreachable();
      } catch (error) {
        expect(error).toMatchObject({ code: 'invalid_option' });
        expect(String(error)).toMatch(/createReceiver: secret(\.\d)?: /);
        expect(String(error)).toMatch(message);
        expect(String(error)).not.toContain(secret);
      }
    }
  });

  test.each([
    GOOD,
    TEST_SECRET,
    'correct horse battery staple, and then some',
    'Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmE=',
  ])('and takes %s', (secret) => {
    expect(() => createReceiver({ logger: false, secret })).not.toThrow();
  });
});

describe('createReceiver refuses a url', () => {
  test.each([
    'https://example.com/?token=x',
    'https://example.com/?a=1&token',
    'https://example.com/?to%6ben=x',
    'https://example.com/?%74%6F%6B%65%6E=x',
    'https://example.com/?a=1&Token=x',
    'https://example.com/?token',
  ])('with a token parameter: %s', (url) => {
    expect(() => createReceiver({ logger: false, url, secret: GOOD })).toThrow(/url: .*token/);
  });

  test.each(['https://example.com/token?a=token', 'https://example.com/?tokens=1&xtoken=2'])(
    'but takes %s',
    (url) => {
      expect(() => createReceiver({ logger: false, url, secret: GOOD })).not.toThrow();
    },
  );
});

test.each([
  'https://example.com/hook\n',
  ' https://example.com/hook',
  'https://example.com/\nhook',
])('a url with whitespace makes a callback URL without: %j', async (url) => {
  const receiver = createReceiver({ logger: false, url, secret: GOOD });
  expect(await receiver.createCallbackUrl()).toMatch(/^https:\/\/example\.com\/hook\?token=\S+$/);
});

describe('a refused token', () => {
  const other = createReceiver({ logger: false, url: ENDPOINT, secret: GOOD });

  test('of an unknown key is one warning a minute that says what to do, and is counted', async () => {
    const { receiver, log, clock } = setUp();
    const send = async () => receiver.handle(delivery(await other.createCallbackUrl(), event));
    for (let count = 0; count < 1000; count += 1) expect((await send()).status).toBe(401);
    expect(log.messages('warn')).toEqual([expect.stringMatching(/Pass the same secret/)]);
    clock.skip(60_000);
    await send();
    expect(log.lines.filter(({ level }) => level === 'warn').at(-1)).toMatchObject({
      details: { token: 'unknown_key', suppressed: 999 },
    });
    expect((await receiver.stats()).refusedTokens).toEqual({ unknown_key: 1001 });
  });

  test('that expired is one warning a minute', async () => {
    const { receiver, log, clock } = setUp();
    const url = await receiver.createCallbackUrl({ expiresInMs: 1 });
    clock.skip(2);
    for (let count = 0; count < 1000; count += 1) await receiver.handle(delivery(url, event));
    expect(log.messages('warn')).toEqual([expect.stringMatching(/has expired.*expiresInMs/)]);
    expect((await receiver.stats()).refusedTokens).toEqual({ expired: 1000 });
  });

  test('of another endpoint is one warning a minute', async () => {
    const clock = createManualClock();
    const images = setUp({ endpoint: 'images' }, clock);
    const { receiver, log } = setUp({}, clock);
    const url = await images.receiver.createCallbackUrl();
    for (let count = 0; count < 10; count += 1) await receiver.handle(delivery(url, event));
    expect(log.messages('warn')).toEqual([expect.stringMatching(/another endpoint/)]);
  });

  test('that is missing is a warning once', async () => {
    const { receiver, log } = setUp();
    for (let count = 0; count < 3; count += 1) await receiver.handle(delivery(ENDPOINT, event));
    expect(log.messages('warn')).toEqual([expect.stringContaining('The URL has no token.')]);
    expect((await receiver.stats()).refusedTokens).toEqual({ missing: 3 });
  });

  test('of any other kind is no warning: every sender can cause it', async () => {
    const { receiver, log } = setUp();
    for (const url of [`${ENDPOINT}?token=x`, `${ENDPOINT}?token=nwt1.a.b.c!`]) {
      await receiver.handle(delivery(url, event));
    }
    expect(log.messages('warn')).toEqual([]);
    expect((await receiver.stats()).refusedTokens).toEqual({ malformed: 2 });
  });
});

describe('other lines that a sender can repeat', () => {
  test('conflicts and consumed bodies are one line a minute each', async () => {
    const { receiver, log, deliver } = setUp();
    const url = await receiver.createCallbackUrl();
    const { payload } = event;
    const task = { ...(payload['task'] as object), status: 'TASK_STATUS_FAILED' };
    await deliver(event);
    for (let count = 0; count < 50; count += 1) {
      await deliver({ ...event, payload: { ...payload, task } });
      await receiver.handle({ ...delivery(url, event), body: undefined });
    }
    const conflicts = log.messages('warn').filter((message) => message.includes('another status'));
    expect(conflicts).toHaveLength(1);
    expect(log.messages('error')).toHaveLength(1);
    expect((await receiver.stats()).conflicts).toBe(50);
  });

  test('a clock that is set back does not silence them', async () => {
    const { receiver, log, clock } = setUp();
    const send = async () => receiver.handle(delivery(await other.createCallbackUrl(), event));
    const other = createReceiver({ logger: false, url: ENDPOINT, secret: GOOD });
    await send();
    clock.skip(-3_600_000);
    await send();
    expect(log.messages('warn')).toHaveLength(2);
  });
});
