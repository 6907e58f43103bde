import { createManualClock } from '@novita-webhooks/testing';
import { expect, test } from 'vitest';

import { runHandler } from '../src/handlers/run-handler.ts';
import { createLazyAbort } from '../src/shared/lazy-abort.ts';
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
