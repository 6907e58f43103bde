import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';

import { createReceiver } from '@novita-webhooks/core';
import { sampleEvents } from '@novita-webhooks/testing';

import { collectGarbage } from '../../../test/support/collect-garbage.ts';
import { followSignals, type LazyAbort } from '../src/shared/lazy-abort.ts';

const reasonOf = (abort: LazyAbort) =>
  new Promise((resolve) => {
    const signal = abort.signal();
    signal.addEventListener('abort', () => resolve(signal.reason));
  });

test.each([0, 1])('followSignals: signal %i aborts the work, with its reason', async (index) => {
  const controllers = [new AbortController(), new AbortController()];
  const signals = controllers.map(({ signal }) => signal);
  const reason = followSignals(signals, reasonOf);
  controllers[index]?.abort('why');
  expect(await reason).toBe('why');
});

test('followSignals: work begins aborted if one of the signals is', async () => {
  const signals = [new AbortController().signal, AbortSignal.abort('before')];
  const seen = await followSignals(signals, async (abort) => [abort.aborted, abort.reason]);
  expect(seen).toEqual([true, 'before']);
});

test('followSignals: leaves no listener', async () => {
  const { signal } = new AbortController();
  const count = () => getEventListeners(signal, 'abort').length;
  expect(await followSignals([signal], async () => count())).toBe(1);
  expect(count()).toBe(0);
});

test('processUnverified: a listener that a handler leaves keeps no signal in memory', async () => {
  const receiver = createReceiver({ insecure: true, url: 'http://localhost/', logger: false });
  let seen: WeakRef<AbortSignal> | undefined;
  receiver.onTaskFinished((_, { signal }) => {
    signal.addEventListener('abort', () => undefined);
    seen = new WeakRef(signal);
  });
  const { signal } = new AbortController(); // of a queue, for all its messages
  await receiver.processUnverified(sampleEvents.imageSucceeded(), { signal });
  await new Promise((resolve) => setTimeout(resolve)); // a WeakRef keeps its target until then
  collectGarbage();
  expect(seen?.deref()).toBeUndefined();
  await receiver.close();
});
