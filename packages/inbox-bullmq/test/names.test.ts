import fc from 'fast-check';
import { expect, test } from 'vitest';

import { toJobId, toQueueName } from '../src/bullmq/names.ts';

/** Any text, and texts that are easily confused. */
const texts = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('%', ':', '0', '2', '5', 'a', 'A', 'é', '\ud800', '任') }),
);

test('names: ordinary task ids stay readable', () => {
  expect(toJobId('0b5c3f6e-7d3b-4a58-9a0c-1f1f1f1f1f1f')).toBe(
    'task-0b5c3f6e-7d3b-4a58-9a0c-1f1f1f1f1f1f',
  );
  expect(toQueueName('novita-webhooks', 'novita')).toBe('novita-webhooks.novita');
});

test('names: no two task ids have the same job, no two endpoints the same queue', () => {
  fc.assert(
    fc.property(texts, texts, (one, other) => {
      fc.pre(one !== other);
      return (
        toJobId(one) !== toJobId(other) && toQueueName('name', one) !== toQueueName('name', other)
      );
    }),
    { numRuns: 2000 },
  );
});

test('names: inboxes with different prefixes have different queues', () => {
  expect(toQueueName('a', 'b.c')).not.toBe(toQueueName('a.b', 'c'));
});

test('names: BullMQ and Redis accept them unchanged', () => {
  fc.assert(
    fc.property(texts, (text) => {
      expect(toJobId(text)).toMatch(/^task-[A-Za-z0-9_.%-]*$/);
      expect(toQueueName('name', text)).toMatch(/^name\.[A-Za-z0-9_%-]*$/);
    }),
  );
});
