import { PermanentError } from '@novita-webhooks/core';
import { sampleEvents } from '@novita-webhooks/testing';
import { expect, test } from 'vitest';

import { SAMPLE_TASK, setUp } from './helpers.ts';

const KEY = { endpoint: 'novita', taskId: SAMPLE_TASK };
const event = sampleEvents.imageSucceeded();

/** Two handlers that note their runs. `broken`: those that fail. */
async function start(broken: Set<string>) {
  const { receiver, clock, deliver } = setUp();
  const runs: string[] = [];
  for (const handlerName of ['email', 'save']) {
    receiver.onTaskSucceeded({ handlerName }, () => {
      runs.push(handlerName);
      if (broken.has(handlerName)) throw new PermanentError(`no ${handlerName}`);
    });
  }
  await deliver(event);
  await clock.advance(1);
  /** Replays the entry and returns which handlers ran, its state and its reason. */
  const replay = async (handlers?: readonly string[]) => {
    runs.length = 0;
    expect(await receiver.inbox.replay(KEY, { ...(handlers && { handlers }) })).toBe(true);
    await clock.advance(1);
    const found = await receiver.inbox.get(KEY);
    return [[...runs], found?.state, found?.reason];
  };
  return { replay };
}

test('a replay runs the named handlers of a done entry, and no other', async () => {
  const { replay } = await start(new Set());
  expect(await replay(['save'])).toEqual([['save'], 'done', null]);
  expect(await replay()).toEqual([['email', 'save'], 'done', null]);
});

test('a dead letter stays one until the handlers that were not named have succeeded', async () => {
  const broken = new Set(['email', 'save']);
  const { replay } = await start(broken);
  broken.delete('email');
  const reason = 'PermanentError: no email; PermanentError: no save';
  expect(await replay(['email'])).toEqual([['email'], 'dead', reason]);
  broken.delete('save');
  expect(await replay()).toEqual([['save'], 'done', null]);
});

test('a replay of a dead letter runs a named handler again that had succeeded', async () => {
  const broken = new Set(['save']);
  const { replay } = await start(broken);
  broken.delete('save');
  expect(await replay(['email', 'save'])).toEqual([['email', 'save'], 'done', null]);
});

test('a replay that names an unknown handler runs nothing and says which', async () => {
  const { replay } = await start(new Set());
  const [runs, state, reason] = await replay(['archive']);
  expect([runs, state]).toEqual([[], 'dead']);
  expect(reason).toContain('not registered for this result: archive');
});

test('a replay names handlers without a handlerName as people read them', async () => {
  const { receiver, clock, deliver } = setUp();
  const runs: string[] = [];
  receiver.onTaskSucceeded(() => void runs.push('first'));
  receiver.onTaskSucceeded(() => {
    runs.push('second');
    throw new PermanentError('no second');
  });
  await deliver(event);
  await clock.advance(1);
  const runsOf = async (replayed: Promise<unknown>) => {
    runs.length = 0;
    await replayed;
    await clock.advance(1);
    return [...runs];
  };
  const { inbox } = receiver;
  const [first, second] = ['onTaskSucceeded #1', 'onTaskSucceeded #2'];
  const dead = { states: ['dead'] as const };
  expect(await runsOf(inbox.replay(KEY, { handlers: [first] }))).toEqual(['first']);
  expect(await runsOf(inbox.replayMany(dead, { handlers: [first] }))).toEqual(['first']);
  expect(await runsOf(inbox.replayMany(dead, { handlers: [second] }))).toEqual(['second']);

  const entry = await inbox.get(KEY);
  const earlier = { ...entry, taskId: 'earlier', succeededHandlers: ['succeeded#1/1:older0'] };
  await inbox.import([JSON.stringify(earlier)]);
  const found = { taskIdContains: 'earlier' };
  expect(await runsOf(inbox.replayMany(found, { handlers: [first] }))).toEqual(['first']);
  expect(await runsOf(inbox.replayMany(found, { handlers: ['onTaskFailed #1'] }))).toEqual([]);
  const missing = await inbox.get({ endpoint: 'novita', taskId: 'earlier' });
  expect(missing?.reason).toContain('not registered for this result: onTaskFailed #1');
});
