import { PermanentError } from '@novita-webhooks/core';
import { createManualClock, sampleEvents } from '@novita-webhooks/testing';
import { expect, test, vi } from 'vitest';

import { setUp } from './helpers.ts';

const DEAD = { states: ['dead'] } as const;

/** A receiver with dead letters that finished at a fraction of a millisecond. */
async function startWithDeadLetters(count: number) {
  const clock = createManualClock();
  clock.skip(0.4);
  const { receiver, settle } = setUp({}, clock);
  receiver.onTaskSucceeded(() => {
    throw new PermanentError('no use');
  });
  for (let index = 0; index < count; index += 1) {
    await settle(sampleEvents.imageSucceeded({ taskId: `task-${index}` }));
  }
  return { ...receiver.inbox };
}

test('replayMany: matches what finished in the same millisecond before it', async () => {
  const inbox = await startWithDeadLetters(3);
  expect(await inbox.replayMany(DEAD)).toEqual({
    ...{ matched: 3, replayed: 3, skipped: 0, cursor: null },
  });
});

test('replayMany: a signal ends it after a batch, and its cursor continues', async () => {
  const inbox = await startWithDeadLetters(150);
  const stopping = new AbortController();
  const onProgress = vi.fn(({ matched }: { readonly matched: number }) => {
    if (matched > 0) stopping.abort();
  });
  const first = await inbox.replayMany(DEAD, { onProgress, signal: stopping.signal });
  expect(first).toMatchObject({ matched: 50, replayed: 50 });
  expect(onProgress.mock.calls.map(([{ matched }]) => matched)).toEqual([0, 50]);
  const rest = await inbox.replayMany(DEAD, { cursor: first.cursor ?? undefined });
  expect(rest).toEqual({ matched: 100, replayed: 100, skipped: 0, cursor: null });
});

test('discardMany: an error of onProgress rejects the call', async () => {
  const inbox = await startWithDeadLetters(1);
  const onProgress = () => Promise.reject(new Error('the disk is full'));
  await expect(inbox.discardMany(DEAD, { onProgress })).rejects.toThrow('the disk is full');
  expect((await inbox.stats()).dead).toBe(1);
});

test('discardMany: a filter that changes meanwhile is the filter of the call', async () => {
  const inbox = await startWithDeadLetters(150);
  const filter: { endpoint: string; metadata?: Record<string, number> } = { endpoint: 'novita' };
  const onProgress = () => void (filter.metadata = { orderId: 1 });
  expect(await inbox.discardMany(filter, { onProgress })).toMatchObject({ discarded: 150 });
});

test('discardMany: a getter of the filter is read once', async () => {
  const inbox = await startWithDeadLetters(1);
  const filter = Object.defineProperty({}, 'states', {
    get: vi.fn().mockReturnValueOnce(['done']).mockReturnValue(['dead']),
    enumerable: true,
  });
  expect(await inbox.discardMany(filter)).toMatchObject({ matched: 0 });
});
