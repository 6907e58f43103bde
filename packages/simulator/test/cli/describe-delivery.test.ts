import { describe, expect, test } from 'vitest';

import { describeDelivery } from '../../src/cli/describe-delivery.ts';
import type { Delivery, DeliveryAnswer } from '../../src/index.ts';

const delivery = (answer: DeliveryAnswer, more: Partial<Delivery> = {}): Delivery => ({
  taskId: 'task-1',
  url: 'http://127.0.0.1:3000/webhooks/novita?token=abc',
  kind: 'main',
  copy: 1,
  attempt: 1,
  startedAt: 0,
  durationMs: 7,
  answer,
  faults: [],
  nextAttemptAt: undefined,
  ...more,
});

const problem = (status: number, code: string, detail = ''): DeliveryAnswer => ({
  status,
  body: JSON.stringify({ status, code, detail }),
});

const none = { delaysMs: [], isPerformed: false };
const performed = { delaysMs: [10, 20], isPerformed: true };

describe('answer', () => {
  test.each([
    [{ status: 200, body: '{"status":"accepted"}' }, '200 accepted', 'accepted'],
    [{ status: 204, body: '' }, '204', null],
    [problem(503, 'inbox_full'), '503 inbox_full', 'inbox_full'],
    [{ status: 502, body: '<html>' }, '502', null],
    [{ status: 500, body: '{"code":"\\u001b[2J"}' }, '500', null],
    [{ error: 'timeout', message: 'no complete answer within 5000 ms' }, /within 5000 ms/, null],
    [{ error: 'connection', message: 'ECONNREFUSED' }, 'no connection: ECONNREFUSED', null],
  ] as [DeliveryAnswer, string | RegExp, string | null][])(
    'of %j is %s',
    (answer, expected, code) => {
      const report = describeDelivery(delivery(answer), none);
      expect(report.answer).toMatch(expected);
      expect(report.code).toBe(code);
      expect(report.acknowledged).toBe('status' in answer && answer.status < 300);
    },
  );
});

describe('next', () => {
  test.each([
    ['accepted', /accepted the event.*done/],
    ['duplicate', /already had/],
    ['ignored', /does not keep/],
    ['other', /2xx.*done/],
  ])('after 200 %s matches %s', (status, expected) => {
    const answer = { status: 200, body: JSON.stringify({ status }) };
    expect(describeDelivery(delivery(answer), none).next).toMatch(expected);
  });

  test('without retries says what Novita would do', () => {
    const { next } = describeDelivery(delivery(problem(503, 'closing')), none);
    expect(next).toMatch(/would deliver the event again, up to 5 times/);
  });

  test.each([
    [1, /Retry 1 follows in 10 ms/],
    [2, /Retry 2 follows in 20 ms/],
    [3, /No retry is left after 3 attempts.*lost/],
  ])('with 2 retries, after failed attempt %i, matches %s', (attempt, expected) => {
    const report = describeDelivery(delivery(problem(500, 'x'), { attempt }), performed);
    expect(report.next).toMatch(expected);
    expect(report.subject).toBe(`attempt ${attempt} of 3`);
  });

  test('of a failed copy is no retry', () => {
    const report = describeDelivery(delivery(problem(500, 'x'), { kind: 'parallel' }), performed);
    expect(report.next).toMatch(/does not retry/);
  });
});

describe('advice', () => {
  const advise = (answer: DeliveryAnswer, url?: string): string =>
    describeDelivery(delivery(answer, url === undefined ? {} : { url }), none).advice.join('\n');

  test('on a 401 with a token names secret, endpoint, url and expiry', () => {
    const advice = advise(problem(401, 'unauthorized', 'No valid token.'));
    for (const word of ['No valid token.', '`secret`', '`endpoint`', '`url`', 'expired'])
      expect(advice).toContain(word);
  });

  test('on a 401 without a token says how to get one', () => {
    const advice = advise(problem(401, 'unauthorized'), 'http://127.0.0.1:3000/hook');
    expect(advice).toMatch(/has no token.*createCallback\(\)[^]*NOVITA_WEBHOOK_SECRET/);
  });

  test.each([
    [
      { status: 404, body: '' },
      /^This is no reply of a receiver\. .*other server listens on http:\/\/127\.0\.0\.1:3000\.\nNo route answers POST \/webhooks\/novita/,
    ],
    [{ status: 401, body: 'Login' }, /^This is no reply of a receiver[^]*`secret`/],
    [problem(401, 'unauthorized', 'No.'), /^The receiver reports: No\.\nThe receiver did not/],
    [{ status: 405, body: '' }, /not for POST/],
    [{ status: 301, body: '' }, /redirect counts as a failure/],
    [{ status: 405, body: '' }, /Use app\.post, not app\.get/],
    [{ status: 500, body: '' }, /^This is no reply of a receiver\. Code of the server threw.*$/],
    [
      { status: 500, body: '<title>Error</title><pre>Error: no&nbsp;\u001bdisk<br> at x</pre>\n' },
      /Read the log of the server[^\n]*\nThe answer begins: Error: no disk at x$/,
    ],
    [{ status: 415, body: '{"code":"FST_ERR","message":"no"}' }, /CSRF check or a body parser/],
    [problem(503, 'inbox_full', 'The inbox is\u001b full.'), /reports: The inbox is {2}full\./],
    [{ error: 'timeout', message: '' }, /waits 5 seconds/],
    [{ error: 'connection', message: 'ECONNREFUSED' }, /running on http:\/\/127\.0\.0\.1:3000\?/],
    [{ error: 'connection', message: 'ENOTFOUND: x' }, /127\.0\.0\.1 does not resolve/],
    [{ error: 'connection', message: 'socket hang up' }, /^$/],
    [{ status: 200, body: '{"status":"accepted"}' }, /^$/],
    [{ status: 200, body: 'hello' }, /^This is no reply of a receiver\. .*other server listens on/],
  ] as [DeliveryAnswer, RegExp][])('on %j matches %s', (answer, expected) => {
    expect(advise(answer)).toMatch(expected);
  });
});

test('a simulator has no advice on a 2xx of another server', () => {
  const answer = { status: 200, body: 'ok' };
  const plan = { delaysMs: [], isPerformed: true };
  expect(describeDelivery(delivery(answer), plan).advice).toEqual([]);
});
