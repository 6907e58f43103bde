import { expect, test } from 'vitest';

import { request, setUp } from './helpers.ts';

/** What a body prints that arrives with a valid token. */
async function warningsOf(body: string, headers: Record<string, string> = {}): Promise<string[]> {
  const { receiver, log } = setUp({ limits: { maxBodyBytes: 100 } });
  await receiver.handle(await request(receiver, { body, headers }));
  await receiver.close();
  return log.messages('warn');
}

test.each<[string, string, Record<string, string>?]>([
  ['the event has no event_type. If code before the webhooks', '{"payload":""}'],
  ['.* If code before the webhooks', 'a=b'],
  ['.* Send plain JSON', '{}', { 'content-type': 'image/png' }],
  ['.* Raise limits.maxBodyBytes', `{"a":"${'x'.repeat(200)}"}`],
])('pipeline: warns that it %s', async (text, body, headers) => {
  const expected = expect.stringMatching(`^pipeline: refused a delivery: ${text}`) as unknown;
  expect(await warningsOf(body, headers)).toEqual([expected]);
});

test('pipeline: a body without a valid token is no warning about the body', async () => {
  const { receiver, log } = setUp();
  await receiver.handle(await request(receiver, { url: '/novita?token=nwt1.a.b.c', body: 'a=b' }));
  expect(log.messages('warn')).toEqual([]);
  await receiver.close();
});
