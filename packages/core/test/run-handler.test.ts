import { createManualClock } from '@novita-webhooks/testing';
import { expect, test } from 'vitest';

import { runHandler } from '../src/handlers/run-handler.ts';
import { createLazyAbort, followSignal } from '../src/shared/lazy-abort.ts';
import { deferred } from './helpers.ts';

test('a stuck handler that ends does not keep a later one from being aborted', async () => {
  const clock = createManualClock();
  const outer = createLazyAbort();
  const stuck = deferred<undefined>();
  const first = runHandler(() => stuck.promise, 1000, outer, clock);
  await clock.advance(2000);
  const end = await first;
  expect(end.type).toBe('stuck');

  let isAborted = false;
  const second = runHandler(
    (abort) =>
      new Promise<void>((resolve) => {
        abort.signal().addEventListener('abort', () => {
          isAborted = true;
          resolve();
        });
      }),
    1000,
    outer,
    clock,
  );
  stuck.resolve(undefined);
  if (end.type === 'stuck') await end.ended;
  outer.abort(new Error('the lease was lost'));
  await second;
  expect(isAborted).toBe(true);
});

test('followSignal aborts its work with the reason of the signal, and leaves no listener', async () => {
  const controller = new AbortController();
  const removed: string[] = [];
  const { signal } = controller;
  const remove = signal.removeEventListener.bind(signal);
  signal.removeEventListener = (type: string, listener: () => void) => {
    removed.push(type);
    remove(type, listener);
  };
  const following = followSignal(signal, async (abort) => {
    controller.abort('closing');
    return abort.reason;
  });
  expect(await following).toBe('closing');
  expect(removed).toEqual(['abort']);
  expect(await followSignal(signal, async ({ aborted }) => aborted)).toBe(true);
});
