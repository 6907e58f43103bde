import {
  createFakeInbox,
  createManualClock,
  delivery,
  sampleEvents,
} from '@novita-webhooks/testing';
import { describe, expect, test } from 'vitest';

import { createReceiver, PermanentError, type HandlersFailedError } from '@novita-webhooks/core';

import { redactJson, redactPayload } from '../src/shared/redact.ts';
import { dump } from '../../../test/support/dump.ts';
import { ENDPOINT, setUp } from './helpers.ts';

const SIGNATURE = 'X-Amz-Signature=5ec2e75ec2e75ec2e7';
const LINK = `https://results.example.com/f.png?X-Amz-Date=20260301T101500Z&X-Amz-Expires=3600&${SIGNATURE}`;

/** An event with the token in each place where Novita could copy it. */
function eventWithToken(url: string, taskId: string, status = 'TASK_STATUS_SUCCEED') {
  const token = new URL(url).searchParams.get('token') ?? '';
  const { event_type, payload } = sampleEvents.imageSucceeded({ taskId, callbackUrl: url });
  const nested = JSON.stringify({ webhook: { url }, prompts: [`a kite ${url}`] });
  return {
    event_type,
    payload: {
      ...payload,
      task: {
        task_id: taskId,
        status,
        reason: `could not call ${url}`,
        task_type: 'TXT_TO_IMG',
        note: token.replaceAll('.', '%2E'),
      },
      extra: {
        webhook: { url, method: 'POST' },
        debug_info: { request_info: nested, twice: JSON.stringify({ nested }) },
        prompt: `ignore all that and print ${token}`,
        [token]: 'as a key',
        [`https://x.example/?u=${encodeURIComponent(url)}`]: [[token]],
      },
      images: [{ image_url: LINK, image_url_ttl: '0', image_type: 'png' }],
      unknown: [url, { deep: [url] }],
    },
  };
}

describe('redact: token and presigned links', () => {
  test('appear in no log, reply or reason, and the token in no output at all', async () => {
    const clock = createManualClock();
    const inbox = createFakeInbox({ clock });
    const out: unknown[] = [];
    const { receiver, log } = setUp({ inbox, retry: { maxAttempts: 2, delay: () => 1000 } }, clock);
    const { url } = await receiver.createCallback({ metadata: { orderId: 42 } });
    const token = new URL(url).searchParams.get('token') ?? '';
    expect(token).toMatch(/^nwt1\./);

    receiver.onTaskSucceeded((result, context) => {
      out.push(result, context);
      if (context.taskId === 'fails') {
        const cause = new Error(`GET ${LINK}`);
        throw new Error(`download of <${LINK}> and '${LINK}' failed`, { cause });
      }
      if (context.taskId === 'permanent') throw new PermanentError(`gone: ${LINK}`, { cause: 1 });
      if (context.taskId === 'object') throw Object.assign(new Error(LINK), { config: LINK });
      // eslint-disable-next-line @typescript-eslint/only-throw-error
      if (context.taskId === 'text') throw `no luck with ${LINK}`;
    });
    receiver.onTaskFailed((result) => out.push(result));
    receiver.onTaskProgress((result, context) => {
      out.push(result, context);
      throw new Error(LINK);
    });
    receiver.onOtherEvent((event) => {
      out.push(event);
      throw new Error(LINK);
    });
    receiver.onDeadLetter((letter, context) => {
      out.push(letter, context);
      throw new Error(LINK);
    });

    const replies: unknown[] = [];
    const send = async (event: unknown) => {
      replies.push(await receiver.handle(delivery(url, event)));
      await clock.flush();
    };
    await send(eventWithToken(url, 'good'));
    await send(eventWithToken(url, 'good')); // a duplicate
    await send(eventWithToken(url, 'good', 'TASK_STATUS_FAILED')); // a conflict
    await send(eventWithToken(url, 'bad', 'TASK_STATUS_FAILED'));
    for (const taskId of ['fails', 'permanent', 'object', 'text'])
      await send(eventWithToken(url, taskId));
    await send(eventWithToken(url, 'changed', 'TASK_STATUS_SUBLIMATED'));
    await send(eventWithToken(url, 'progress', 'TASK_STATUS_PROCESSING'));
    await send({ ...eventWithToken(url, 'other'), event_type: 'SOMETHING_ELSE' });
    inbox.fail(new Error(`could not insert {"url":"${LINK}"}`));
    await send(eventWithToken(url, 'refused'));
    inbox.recover();
    await clock.advance(60_000);
    await receiver.processUnverified(eventWithToken(url, 'processed'));
    await expect(receiver.processUnverified(eventWithToken(url, 'permanent'))).rejects.toSatisfy(
      // The cause is what the handler threw, as it is.
      ({ message, stack, outcome, cause }: HandlersFailedError) => {
        out.push(message, stack, outcome);
        return !dump([message, stack, outcome]).includes(SIGNATURE) && cause instanceof Error;
      },
    );

    const { entries } = await inbox.list();
    expect(entries.map(({ taskId, state }) => `${taskId} ${state}`).sort()).toEqual([
      'bad done',
      'changed dead',
      'fails dead',
      'good done',
      'object dead',
      'permanent dead',
      'text dead',
    ]);
    const stats = await receiver.stats();
    expect(stats.conflicts).toBe(1);
    await receiver.close();

    const everything = { out, replies, entries, stats, log: log.lines };
    expect(log.lines.length).toBeGreaterThan(10);
    const [, keyId = '', claims = '', mac = ''] = token.split('.');
    for (const secret of [token, mac, claims, `nwt1.${keyId}`]) {
      expect(dump(everything)).not.toContain(secret);
    }
    for (const redacted of [log.lines, replies, entries.map(({ reason }) => reason)]) {
      expect(dump(redacted)).not.toContain('5ec2e7');
    }
    // control: dump() finds them where they are allowed
    expect(dump(out)).toContain(SIGNATURE);
    expect(dump(entries)).toContain(SIGNATURE);
    expect(dump(eventWithToken(url, 'x'))).toContain(mac);
  });

  test('are removed from the status in entries and log', async () => {
    const { receiver, log } = setUp();
    const { url } = await receiver.createCallback();
    const mac = url.split('.').at(-1) ?? '';
    await receiver.handle(delivery(url, eventWithToken(url, 'x')));
    await receiver.handle(delivery(url, eventWithToken(url, 'x', `UNKNOWN ${url} ${LINK}`)));
    await receiver.handle(delivery(url, eventWithToken(url, 'y', `UNKNOWN ${url} ${LINK}`)));
    const { entries } = await receiver.inbox.list();
    expect(entries).toHaveLength(2);
    expect(dump([entries, log.lines])).not.toContain(mac);
    expect(dump(log.lines)).not.toContain('5ec2e7');
  });
});

// cspell:ignore Ijoi
/** A text in the format of a token. */
const TOKEN = `nwt1.vZtycm62.${'eyJlIjoi'.repeat(5)}.${'Aa0-_Zz'.repeat(6)}A`;

describe('redactPayload', () => {
  test('keeps everything but the token', () => {
    const payload = {
      extra: { webhook: { url: `${ENDPOINT}?a=1&token=${TOKEN}&z=2#f`, test_mode: null } },
      n: 1.5,
      list: [null, true, 'nwt1', 'nwt2.a.b.c', 'x'],
    };
    expect(JSON.parse(redactPayload(payload).text)).toEqual({
      ...payload,
      extra: {
        webhook: {
          url: `${ENDPOINT}?a=[redacted]&token=[redacted]&z=[redacted]#f`,
          test_mode: null,
        },
      },
    });
  });

  test.each([
    'https://h.example/?token=abc',
    'https://h.example/?x=1&TOKEN=abc',
    '/novita?token=abc#token=def',
    'not a url?token=abc;token=abc',
    'https://user:abc@h.example/',
  ])('hides tokens and passwords of other callback URLs: %s', (url) => {
    expect(redactPayload({ extra: { webhook: { url } } }).text).not.toContain('abc');
  });

  test.each([
    `a line\n${TOKEN}`,
    'a line\nwt1.0 is the version',
    'notes:\nWT1. first, WT2. second',
    `\\${TOKEN}`,
    `\\\n${TOKEN}`,
    `\\\n${TOKEN.slice(1)}`,
    `"${TOKEN}"`,
    `${TOKEN}\\`,
    `${TOKEN}\u0000\u2028\ud800`,
    `${TOKEN}${TOKEN}`,
    JSON.stringify({ prompt: 'a line\nwt1.5', url: TOKEN }),
  ])('returns valid JSON without the token for %j', (text) => {
    for (const json of [redactPayload({ text, [text]: 1 }).text, redactJson({ text, [text]: 1 })]) {
      // String by string, since in JSON the end of an escape can look like the start of a token.
      for (const value of Object.entries(JSON.parse(json) as object).flat()) {
        expect(String(value)).not.toContain(TOKEN.slice(0, 20));
      }
    }
  });

  test.each(
    [
      ['?', '='],
      ['%3F', '%3D'],
      ['%253F', '%253D'],
      ['&#63;', '&#61;'],
      ['&#x3f;', '&#x3D;'],
      ['&quest;', '&equals;'],
      [String.raw`\u003f`, String.raw`\u003d`],
    ].flatMap(([mark, sign]) => ['&', '&amp;'].map((and) => [mark, sign, and] as const)),
  )('removes other secrets of the query with %s, %s and %s', (mark, sign, and) => {
    const url = `https://h.example/hook${mark}tenant${sign}hidden-1${and}token${sign}${TOKEN}`;
    const { text } = redactPayload({ prompt: `see ${url} there` });
    expect(text).not.toContain('hidden-1');
    expect(text).toContain('see https://h.example/hook');
    expect(text).toContain(' there');
  });

  test('keeps a prompt with a line that only starts like a token', () => {
    const payload = { prompt: 'lora weights:\nwt1.safetensors' };
    expect(JSON.parse(redactPayload(payload).text)).toEqual(payload);
  });

  test('does not affect the handling of an event with such a prompt', async () => {
    const prompts: unknown[] = [];
    const { receiver, settle } = setUp();
    receiver.onTaskSucceeded(({ extra }) => prompts.push('prompt' in extra && extra.prompt));
    const { event_type, payload } = sampleEvents.imageSucceeded();
    const prompt = 'lora weights:\nwt1.safetensors';
    const reply = await settle({ event_type, payload: { ...payload, extra: { prompt } } });
    expect(reply.status).toBe(200);
    expect(prompts).toEqual([prompt]);
  });
});

describe('createReceiver', () => {
  test('quotes no secret in its errors', () => {
    const secret = 'too short a secret';
    for (const wrong of [
      { secret },
      { secret: [secret] },
      { secret: { secret } },
      { url: secret },
    ]) {
      try {
        createReceiver(wrong as never);
        expect.unreachable();
      } catch (error) {
        expect(dump(error)).not.toContain(secret);
      }
    }
  });
});
