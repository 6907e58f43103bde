import { errorGroupOf } from '@novita-webhooks/core';
import { expect, test } from 'vitest';

test.each([
  ['Error: HTTP 503 for order 1234', 'Error: HTTP <n> for order <n>'],
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
