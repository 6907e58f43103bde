import { pollingInbox } from '@novita-webhooks/core';
import { createManualClock, sampleEvents } from '@novita-webhooks/testing';
import { expect, test } from 'vitest';

import { setUp } from './helpers.ts';
import { createTransactionalStore } from './transactional-store.ts';

const generators = [
  [
    'a generator function',
    function* () {
      yield 1;
    },
  ],
  [
    'an async generator function',
    async function* () {
      yield 1;
    },
  ],
] as const;

test.each(generators)('handlers: %s is rejected at registration', (_, handler) => {
  const { receiver } = setUp();
  expect(() => receiver.onTaskSucceeded(handler)).toThrow(
    expect.objectContaining({ code: 'invalid_argument' }),
  );
});

test.each(generators)('context.transaction: %s is rejected and does not count', async (_, work) => {
  const clock = createManualClock();
  const store = createTransactionalStore(clock);
  const { receiver, settle } = setUp(
    { inbox: pollingInbox(store, { clock }), retry: { maxAttempts: 1 } },
    clock,
  );
  receiver.onTaskSucceeded((__, context) => context.transaction<unknown>(work));
  await settle(sampleEvents.imageSucceeded());
  const [entry] = (await store.list()).entries;
  expect(entry).toMatchObject({ state: 'dead', succeededHandlers: [] });
  expect(entry?.reason).toContain('is a generator');
});
