import { memoryInbox } from '@novita-webhooks/core';
import { createManualClock, sampleEvents } from '@novita-webhooks/testing';
import { expect, test } from 'vitest';

import { setUp, type Setup } from './helpers.ts';

// What docs/deploying.md says of two versions of a program on one inbox.

/** Two versions of a program. The old one handles the first attempt, the new one the others. */
async function deploy(handlersOf: (old: Setup, next: Setup) => void) {
  const clock = createManualClock();
  const options = { inbox: memoryInbox({ clock }), retry: { delay: () => 1000 } };
  const [old, next] = [setUp(options, clock), setUp(options, clock)];
  handlersOf(old, next);
  await old.settle(sampleEvents.imageSucceeded());
  await old.receiver.close();
  next.receiver.start();
  await clock.advance(1000);
  const { done, pending } = (await next.receiver.stats()).inbox;
  const warnings = [old, next].map(({ log }) => log.messages('warn'));
  await next.receiver.close();
  return { done, pending, warnings };
}

const fail = () => {
  throw new Error('not yet');
};

test('a handler beside one of both versions: the old worker runs its own, and logs nothing', async () => {
  const ran: string[] = [];
  const { done, warnings } = await deploy((old, next) => {
    for (const { receiver } of [old, next]) {
      receiver.onTaskSucceeded({ handlerName: 'both' }, () => ran.push('both'));
    }
    next.receiver.onTaskSucceeded({ handlerName: 'new' }, () => ran.push('new'));
  });
  expect({ done, ran, warnings }).toEqual({ done: 1, ran: ['both'], warnings: [[], []] });
});

test('a handler beside one that waits for its retry: the new worker runs what has not succeeded', async () => {
  const ran: string[] = [];
  const { done } = await deploy((old, next) => {
    for (const { receiver } of [old, next]) {
      receiver.onTaskSucceeded({ handlerName: 'succeeds' }, () => ran.push('succeeds'));
    }
    old.receiver.onTaskSucceeded({ handlerName: 'fails' }, fail);
    next.receiver.onTaskSucceeded({ handlerName: 'fails' }, () => ran.push('fails'));
    next.receiver.onTaskSucceeded({ handlerName: 'new' }, () => ran.push('new'));
  });
  expect({ done, ran }).toEqual({ done: 1, ran: ['succeeds', 'fails', 'new'] });
});

test('the removed handler was the only one for the event: the new worker warns', async () => {
  const { done, warnings } = await deploy((old, next) => {
    old.receiver.onTaskSucceeded({ handlerName: 'removed' }, fail);
    next.receiver.onTaskFailed(() => undefined);
  });
  expect(done).toBe(1);
  expect(warnings[1]).toEqual([expect.stringMatching(/no registered handler wants/)]);
});

test('the removed handler was beside others: the new worker logs nothing', async () => {
  const { done, warnings } = await deploy((old, next) => {
    for (const { receiver } of [old, next]) {
      receiver.onTaskSucceeded({ handlerName: 'both' }, () => undefined);
    }
    old.receiver.onTaskSucceeded({ handlerName: 'removed' }, fail);
  });
  expect([done, warnings[1]]).toEqual([1, []]);
});
