import { errorGroupOf } from '@novita-webhooks/core';
import { expect, test } from 'vitest';

test.each([
  ['Error: HTTP 503 for order 1234', 'Error: HTTP 503 for order <n>'],
  ['Error: storage answered 404', 'Error: storage answered 404'],
  [
    'AxiosError: Request failed with status code 429',
    'AxiosError: Request failed with status code 429',
  ],
  ['HTTPError: Response code 502 (Bad Gateway)', 'HTTPError: Response code 502 (Bad Gateway)'],
  ['status: 500', 'status: 500'],
  ['returned 5030 rows, code 200, order 404', 'returned <n> rows, code <n>, order <n>'],
  ['no order 0af76519-16cd-43dd-8448-eb211c80319c', 'no order <id>'],
  ['fetch https://bucket.example/a/b?c=1 failed', 'fetch <url> failed'],
  ['connect ECONNREFUSED 127.0.0.1:5432', 'connect ECONNREFUSED <n>'],
  ['mail to jane.doe+7@example.co.uk bounced', 'mail to <email> bounced'],
  ['a table without numbers', 'a table without numbers'],
  ['', ''],
])('errorGroupOf: %s', (reason, group) => {
  expect(errorGroupOf(reason)).toBe(group);
});

test('errorGroupOf: no reason has no group; a long one is cut between characters', () => {
  expect(errorGroupOf(null)).toBeNull();
  expect(errorGroupOf('x'.repeat(1000))).toHaveLength(200);
  expect(errorGroupOf(`${'x'.repeat(199)}🙈`)).toBe('x'.repeat(199));
});
