import type { RequestBody, WebhookReply, WebhookRequest } from '@novita-webhooks/core';
import {
  BAD_TOKENS,
  badCallbackUrl,
  createFakeInbox,
  createManualClock,
  sampleEvents,
} from '@novita-webhooks/testing';
import { describe, expect, test } from 'vitest';

import { isReplyCode, replies } from '../src/delivery/replies.ts';
import { codeOf, ENDPOINT, fixtureText, noop, request, setUp, track } from './helpers.ts';

/** The failure of the inbox or receiver when the delivery arrives. */
type Failure = 'fails' | 'stalls' | 'full' | 'closing';

interface Row {
  readonly situation: string;
  readonly changes?: Partial<WebhookRequest>;
  readonly failure?: Failure;
  readonly twice?: true;
  readonly status: number;
  readonly code: string;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly close?: true;
}

const json = (value: unknown) => JSON.stringify(value);
const good = json(sampleEvents.imageSucceeded());
const never: AsyncIterable<string> = {
  [Symbol.asyncIterator]: () => ({ next: () => new Promise(noop) }),
};
const withTask = (task: unknown) => json({ event_type: 'ASYNC_TASK_RESULT', payload: { task } });

const rows: readonly Row[] = [
  ...['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', ''].map((method) => ({
    situation: `method ${method}`,
    changes: { method, url: '/no-token' },
    status: 405,
    code: 'method_not_allowed',
    headers: { allow: 'POST' },
  })),
  {
    situation: 'no token',
    changes: { url: '/novita' },
    status: 401,
    code: 'unauthorized',
    close: true,
  },
  {
    situation: 'a body over the limit by header',
    changes: { headers: { 'content-length': '1048577' }, body: never },
    status: 413,
    code: 'body_too_large',
    close: true,
  },
  {
    situation: 'a body over the limit by count',
    changes: { body: 'x'.repeat(1024 * 1024 + 1) },
    status: 413,
    code: 'body_too_large',
    close: true,
  },
  {
    situation: 'a body that does not end',
    changes: { body: never },
    status: 408,
    code: 'body_too_slow',
    close: true,
  },
  {
    situation: 'a body that ends early',
    changes: {
      body: (async function* () {
        yield '{"event_type":';
        throw new Error('ECONNRESET');
      })(),
    },
    status: 400,
    code: 'body_incomplete',
    close: true,
  },
  {
    situation: 'a body that was already read',
    changes: { body: undefined },
    status: 500,
    code: 'body_already_read',
  },
  ...['', '{', 'not json', '[]', 'null', '42', '"text"', '[{}]', '{}{}', 'NaN', "{'a':1}"].map(
    (body) => ({
      situation: `body ${body}`,
      changes: { body },
      status: 400,
      code: 'invalid_json',
    }),
  ),
  ...['{}', '{"event_type":null}', '{"event_type":""}', '{"event_type":1}', '{"payload":{}}'].map(
    (body) => ({
      situation: `event ${body}`,
      changes: { body },
      status: 422,
      code: 'missing_event_type',
    }),
  ),
  {
    situation: 'a result without the envelope',
    changes: { body: fixtureText('malformed-no-envelope.json') },
    status: 422,
    code: 'missing_event_type',
  },
  ...[
    fixtureText('malformed-missing-task-id.json'),
    json({ event_type: 'ASYNC_TASK_RESULT' }),
    json({ event_type: 'ASYNC_TASK_RESULT', payload: [] }),
    json({ event_type: 'ASYNC_TASK_RESULT', payload: null }),
    withTask(null),
    withTask([]),
    ...[null, '', {}, [], true, 1.5, 'x'.repeat(257), 'a\nb', 'a\u0000', '\ud800'].map((task_id) =>
      withTask({ task_id, status: 'TASK_STATUS_SUCCEED' }),
    ),
  ].map((body, index) => ({
    situation: `a result without a usable task id, ${index}`,
    changes: { body },
    status: 422,
    code: 'missing_task_id',
  })),
  {
    situation: 'another event_type',
    changes: { body: fixtureText('event-unknown-event-type.json') },
    status: 200,
    code: 'ignored',
  },
  {
    situation: 'a non-terminal status without a progress handler',
    changes: { body: fixtureText('event-status-queued.json') },
    status: 200,
    code: 'ignored',
  },
  {
    situation: 'a payload that does not fit the schema',
    changes: { body: json(sampleEvents.schemaError()) },
    status: 200,
    code: 'accepted',
  },
  { situation: 'added', changes: { body: good }, status: 200, code: 'accepted' },
  {
    situation: 'already there',
    changes: { body: good },
    twice: true,
    status: 200,
    code: 'duplicate',
  },
  { situation: 'the inbox is down', failure: 'fails', status: 503, code: 'inbox_unavailable' },
  { situation: 'the inbox is slow', failure: 'stalls', status: 503, code: 'reply_timeout' },
  { situation: 'the inbox is full', failure: 'full', status: 503, code: 'inbox_full' },
  { situation: 'the receiver is closing', failure: 'closing', status: 503, code: 'closing' },
];

/** Each 503 has a Retry-After header. */
const retryAfter = { 'retry-after': expect.stringMatching(/^\d+$/) as unknown };
const table = rows.map((row) => (row.status === 503 ? { ...row, headers: retryAfter } : row));

async function answer({ changes, failure, twice }: Row): Promise<WebhookReply> {
  const clock = createManualClock();
  const inbox = createFakeInbox({ clock });
  const { receiver } = setUp({ inbox }, clock);
  const asked = await request(receiver, changes ?? { body: good });
  if (failure === 'fails') inbox.fail(new Error('connection refused at 10.0.0.1:5432'));
  if (failure === 'stalls') inbox.stall();
  if (failure === 'full') inbox.fail(Object.assign(new Error(), fullError));
  if (failure === 'closing') void receiver.close();
  if (twice) await receiver.handle(asked);
  const reply = receiver.handle(asked);
  await clock.advance(4000);
  return reply;
}

const fullError = { name: 'WebhookError', code: 'inbox_full' };

describe('replies: status and code', () => {
  test.each(table)('$situation: $status $code', async (row) => {
    const reply = await answer(row);
    expect({ status: reply.status, code: codeOf(reply) }).toEqual({
      status: row.status,
      code: row.code,
    });
    const type = reply.status === 200 ? 'application/json' : 'application/problem+json';
    expect(reply.headers).toMatchObject({ 'content-type': type, ...row.headers });
    expect(reply.close).toBe(row.close ?? false);
  });

  test('cover every reply', () => {
    const covered = new Set([...table.map(({ code }) => code), 'unsupported_media_type']);
    covered.add('not_handled'); // with ack: 'handled' only
    covered.add('overloaded'); // body-memory.test.ts
    expect([...covered].sort()).toEqual(Object.keys(replies).sort());
  });

  test('do not depend on the token if the method is rejected', async () => {
    const { receiver, log } = setUp();
    await receiver.handle({ method: 'GET', url: '/', headers: {}, body: undefined });
    expect(JSON.stringify(log.lines)).not.toContain('token');
  });
});

describe('replies: every reply', () => {
  const all = Object.entries(replies);

  test.each(all)('%s is ASCII JSON with cache-control: no-store', (_, { body, headers }) => {
    expect(() => JSON.parse(body) as unknown).not.toThrow();
    // eslint-disable-next-line no-control-regex
    expect(body).toMatch(/^[\u0000-\u007f]*$/);
    expect(headers['cache-control']).toBe('no-store');
  });

  test.each(all.filter(([, { status }]) => status !== 200))(
    '%s is a problem document (RFC 9457)',
    (code, { status, body, headers }) => {
      expect(headers['content-type']).toBe('application/problem+json');
      expect(JSON.parse(body)).toEqual({
        type: 'about:blank',
        title: expect.stringMatching(/^[A-Z]/) as unknown,
        status,
        code,
        detail: expect.stringMatching(/\.$/) as unknown,
      });
    },
  );

  test('isReplyCode rejects names of Object.prototype', () => {
    expect(['toString', '__proto__', 'constructor', ''].filter(isReplyCode)).toEqual([]);
  });
});

describe('replies: constant texts', () => {
  test('are identical for all kinds of bad token', async () => {
    const { receiver } = setUp();
    const answers = await Promise.all(
      BAD_TOKENS.map(async (kind) =>
        receiver.handle(await request(receiver, { url: await badCallbackUrl(kind, ENDPOINT) })),
      ),
    );
    expect(BAD_TOKENS).toHaveLength(8);
    expect(new Set(answers.map((reply) => JSON.stringify(reply))).size).toBe(1);
    expect(answers[0]?.status).toBe(401);
  });

  test('contain no part of the request', async () => {
    const { receiver } = setUp();
    const secret = 'SECRET-VALUE';
    const bodies: RequestBody[] = [
      secret,
      `{"${secret}":`,
      json({ event_type: 'ASYNC_TASK_RESULT', payload: { task: { [secret]: secret } } }),
      json({ event_type: secret }),
      `{"__proto__":"${secret}"}`,
      json(sampleEvents.schemaError({ taskId: secret })),
      (async function* () {
        yield secret;
        throw new Error(secret);
      })(),
    ];
    for (const body of bodies) {
      const headers = { 'x-secret': secret, 'content-type': 'application/json' };
      const reply = await receiver.handle(await request(receiver, { body, headers }));
      expect(JSON.stringify(reply)).not.toContain(secret);
      expect(JSON.stringify(reply)).not.toMatch(/\bat .*:\d+/);
    }
  });
});

describe('receiver.handle', () => {
  test.each([
    ['no headers', { headers: undefined }],
    ['no URL', { url: undefined }],
    ['a body that is not one', { body: 42 }],
  ])('does not reject for a request with %s', async (_, changes) => {
    const { receiver } = setUp();
    const asked = { ...(await request(receiver, {})), ...changes } as unknown as WebhookRequest;
    const reply = await receiver.handle(asked);
    expect(reply.status).toBeGreaterThanOrEqual(400);
  });

  test('counts its replies by code', async () => {
    const { receiver, deliver } = setUp();
    await deliver(sampleEvents.imageSucceeded());
    await deliver(sampleEvents.imageSucceeded());
    await deliver(sampleEvents.other());
    await receiver.handle(await request(receiver, { method: 'GET' }));
    expect((await receiver.stats()).replies).toEqual({
      accepted: 1,
      duplicate: 1,
      ignored: 1,
      method_not_allowed: 1,
    });
  });

  test('replies without waiting for the handler', async () => {
    const { receiver, deliver, clock } = setUp();
    receiver.onTaskSucceeded(() => new Promise(noop));
    const reply = track(deliver(sampleEvents.imageSucceeded()));
    await clock.flush();
    expect(reply.value?.status).toBe(200);
  });
});
