import {
  isWebhookError,
  PermanentError,
  pollingInbox,
  RetryLaterError,
  type HandlerContext,
  type JsonObject,
  type ReceiverOptions,
} from '@novita-webhooks/core';
import { createManualClock, sampleEvents, signedDelivery } from '@novita-webhooks/testing';
import { describe, expect, test } from 'vitest';

import { deferred, noop, SAMPLE_TASK, setUp, takeOver } from './helpers.ts';
import {
  createTransactionalStore,
  type LedgerTx,
  type TransactionalStore,
} from './transactional-store.ts';

const LEASE = 30_000;
const KEY = { endpoint: 'novita', taskId: SAMPLE_TASK };
const LONG_TIMEOUT = { timeoutMs: 1000 * LEASE };
const event = sampleEvents.imageSucceeded();

/** A receiver with a transactional store that other receivers may share. */
function setUpAt(
  store: TransactionalStore,
  clock: ReturnType<typeof createManualClock>,
  options: Partial<ReceiverOptions<JsonObject, LedgerTx>> = {},
) {
  const inbox = pollingInbox(store, { clock, leaseDurationMs: LEASE });
  const retry = { maxAttempts: 3, delay: () => 1000 };
  const { receiver, ...rest } = setUp({ retry, ...options, inbox } as ReceiverOptions, clock);
  return { receiver, ...rest };
}

function setUpAlone(
  change: (store: TransactionalStore) => Partial<TransactionalStore> = () => ({}),
  options: Partial<ReceiverOptions<JsonObject, LedgerTx>> = {},
) {
  const clock = createManualClock();
  const store = createTransactionalStore(clock);
  return { store, ...setUpAt({ ...store, ...change(store) }, clock, options) };
}

const writing = (line: string) => (tx: unknown) => (tx as LedgerTx).write(line);

/** The code of the error that a promise rejects with; `undefined` if it resolves. */
async function codeOf(promise: Promise<unknown>): Promise<string | undefined> {
  try {
    await promise;
    return undefined;
  } catch (error) {
    return isWebhookError(error) ? error.code : String(error);
  }
}

/** A handler that waits until `proceed` resolves. */
function waiting(then: (context: HandlerContext) => unknown) {
  const proceed = deferred();
  const codes: (string | undefined)[] = [];
  return {
    proceed,
    codes,
    async handle(_: unknown, context: HandlerContext) {
      await proceed.promise;
      codes.push(await codeOf(Promise.resolve(then(context))));
    },
  };
}

describe('context.transaction', () => {
  test('commits before the entry is done and returns the value of its callback', async () => {
    const { receiver, settle, store } = setUpAlone();
    const values: number[] = [];
    receiver.onTaskSucceeded(async ({ task }, context) => {
      values.push(
        await context.transaction((tx) => {
          writing(task.task_id)(tx);
          return 42;
        }),
      );
    });
    await settle(event);
    expect(store.lines).toEqual([SAMPLE_TASK]);
    expect(values).toEqual([42]);
    expect(await store.get(KEY)).toMatchObject({ state: 'done', attempts: 1 });
  });

  test('rolls back if its callback throws, and the handler is retried', async () => {
    const { receiver, settle, clock, store } = setUpAlone();
    receiver.onTaskSucceeded(async (_, context) => {
      await context.transaction(async (tx) => {
        writing(`attempt ${context.attempt}`)(tx);
        await Promise.resolve();
        if (context.attempt === 1) throw new RetryLaterError(5000, 'not yet');
      });
    });
    await settle(event);
    expect(store.lines).toEqual([]);
    expect(await store.get(KEY)).toMatchObject({ state: 'pending', dueAt: clock.now() + 5000 });
    await clock.advance(5000);
    expect(store.lines).toEqual(['attempt 2']);
    expect(await store.get(KEY)).toMatchObject({ state: 'done' });
  });

  test('commits in a request of an ephemeral runtime', async () => {
    const { receiver, store } = setUpAlone();
    receiver.onTaskSucceeded((_, context) => context.transaction(writing('brief')));
    const work: Promise<unknown>[] = [];
    const waitUntil = (promise: Promise<unknown>) => void work.push(promise);
    await receiver.handle(await signedDelivery(receiver, event), { ephemeral: true, waitUntil });
    await Promise.all(work);
    expect(store.lines).toEqual(['brief']);
  });

  test('uses the current fencing token if its worker reclaimed the entry', async () => {
    const { receiver, settle, clock, store } = setUpAlone(undefined, { handlers: LONG_TIMEOUT });
    const { handle, proceed, codes } = waiting((context) => context.transaction(writing('late')));
    receiver.onTaskSucceeded(handle);
    await settle(event);
    const claimed = await store.get(KEY);
    clock.skip(2 * LEASE);
    await store.claim('novita', 1, LEASE);
    clock.skip(LEASE / 2 + 1);
    await clock.advance(1000); // polls, and claims its own entry again
    expect((await store.get(KEY))?.attempts).toBe((claimed?.attempts ?? 0) + 1);
    proceed.resolve();
    await clock.flush();
    expect(codes).toEqual([undefined]);
    expect(store.lines).toEqual(['late']);
    expect(await store.get(KEY)).toMatchObject({ state: 'done' });
  });

  test('rejects with lease_lost if another worker claimed the entry', async () => {
    const { receiver, settle, clock, store } = setUpAlone(undefined, { handlers: LONG_TIMEOUT });
    const { handle, proceed, codes } = waiting((context) => context.transaction(writing('late')));
    receiver.onTaskSucceeded(handle);
    await settle(event);
    await takeOver(store, clock, LEASE);
    proceed.resolve();
    await clock.flush();
    expect(codes).toEqual(['lease_lost']);
    expect(store.lines).toEqual([]);
    expect(await store.get(KEY)).toMatchObject({ state: 'running' });
  });
});

describe('context.transaction: after the commit', () => {
  test.each([1, 3])(
    'the handler is not run again if the process crashes in attempt %i',
    async (attempts) => {
      const clock = createManualClock();
      const store = createTransactionalStore(clock);
      let died = false;
      const dead = () => new Promise<never>(() => undefined);
      const dying: TransactionalStore = {
        ...store,
        settle: (...args) => (died ? dead() : store.settle(...args)),
        extend: (...args) => (died ? dead() : store.extend(...args)),
        claim: (...args) => (died ? dead() : store.claim(...args)),
      };
      const first = setUpAt(dying, clock);
      first.receiver.onTaskSucceeded({ handlerName: 'one' }, async (_, context) => {
        if (context.attempt < attempts) throw new Error('not yet');
        await context.transaction(writing('first'));
        died = true;
      });
      await first.settle(event);
      await clock.advance(1000 * attempts);
      expect(await store.get(KEY)).toMatchObject({ state: 'running', attempts });
      const second = setUpAt(store, clock);
      second.receiver.onTaskSucceeded({ handlerName: 'one' }, (_, context) =>
        context.transaction(writing('second')),
      );
      second.receiver.start();
      await clock.advance(2 * LEASE);
      expect(store.lines).toEqual(['first']);
      // Even after attempt maxAttempts: no handler is left to run.
      expect(await store.get(KEY)).toMatchObject({ state: 'done', attempts: attempts + 1 });
    },
  );

  test('the handler is not run again if the response of the commit was lost', async () => {
    const { receiver, settle, clock, store } = setUpAlone((store) => ({
      async transaction(...args) {
        await store.transaction(...args);
        throw new Error('connection reset');
      },
    }));
    const attempts: number[] = [];
    receiver.onTaskSucceeded(async (_, context) => {
      attempts.push(context.attempt);
      await context.transaction(writing('once'));
    });
    await settle(event);
    expect(await store.get(KEY)).toMatchObject({
      state: 'pending',
      succeededHandlers: [expect.stringMatching(/^succeeded#1/)],
    });
    await clock.advance(1000);
    expect(attempts).toEqual([1]);
    expect(store.lines).toEqual(['once']);
    expect(await store.get(KEY)).toMatchObject({ state: 'done', attempts: 2 });
  });

  test.each([
    ['an error', () => new Error('no mail server')],
    ['PermanentError', () => new PermanentError('no mail server')],
    ['RetryLaterError', () => new RetryLaterError(1000, 'no mail server')],
  ])('the handler counts as succeeded even if it throws %s', async (_, toError) => {
    const { receiver, settle, clock, store, log } = setUpAlone();
    receiver.onTaskSucceeded(async (__, context) => {
      await context.transaction(writing('once'));
      throw toError();
    });
    await settle(event);
    await clock.advance(10_000);
    expect(store.lines).toEqual(['once']);
    expect(await store.get(KEY)).toMatchObject({ state: 'done', attempts: 1 });
    expect(log.lines.filter(({ level }) => level === 'warn')).toEqual([
      expect.objectContaining({
        message:
          'worker: a handler failed after its transaction had committed. It counts as succeeded.',
        details: expect.objectContaining({
          handler: 'onTaskSucceeded #1',
          reason: expect.stringContaining('no mail server') as string,
        }) as object,
      }),
    ]);
  });

  test('the handler counts as succeeded even if it never settles', async () => {
    const { receiver, settle, clock, store } = setUpAlone(undefined, {
      handlers: { timeoutMs: 1000 },
    });
    receiver.onTaskSucceeded(async (_, context) => {
      await context.transaction(writing('once'));
      await new Promise(noop);
    });
    await settle(event);
    await clock.advance(2000);
    expect(await store.get(KEY)).toMatchObject({ state: 'done', attempts: 1 });
  });

  test('the other handlers of the event are still retried', async () => {
    const { receiver, settle, clock, store } = setUpAlone();
    receiver.onTaskSucceeded((_, context) => context.transaction(writing('one')));
    receiver.onTaskSucceeded(async (_, context) => {
      if (context.attempt === 1) throw new Error('not yet');
      await context.transaction(writing('two'));
    });
    await settle(event);
    expect(await store.get(KEY)).toMatchObject({
      state: 'pending',
      succeededHandlers: [expect.stringMatching(/^succeeded#1/)],
    });
    await clock.advance(1000);
    expect(store.lines).toEqual(['one', 'two']);
    expect(await store.get(KEY)).toMatchObject({ state: 'done', attempts: 2 });
  });
});

describe('context.transaction: not awaited by its handler', () => {
  test('the handler is retried if the transaction fails', async () => {
    const { receiver, settle, clock, store } = setUpAlone();
    receiver.onTaskSucceeded((_, context) => {
      const failed = context.transaction(async (tx) => {
        await Promise.resolve();
        if (context.attempt === 1) throw new Error('no');
        writing('second')(tx);
      });
      failed.catch(noop); // not returned
    });
    await settle(event);
    expect(await store.get(KEY)).toMatchObject({ state: 'pending', succeededHandlers: [] });
    await clock.advance(1000);
    expect(store.lines).toEqual(['second']);
    expect(await store.get(KEY)).toMatchObject({ state: 'done' });
  });

  test('the handler counts as succeeded if the transaction commits', async () => {
    const { receiver, settle, clock, store } = setUpAlone();
    const committing = deferred();
    receiver.onTaskSucceeded((_, context) => {
      void context.transaction(async (tx) => {
        await committing.promise;
        writing('once')(tx);
      });
      throw new Error('impatient');
    });
    await settle(event);
    expect(await store.get(KEY)).toMatchObject({ state: 'running' });
    committing.resolve();
    await clock.flush();
    expect(store.lines).toEqual(['once']);
    expect(await store.get(KEY)).toMatchObject({ state: 'done', attempts: 1 });
  });
});

test('context.transaction: a failure without await is an unhandled rejection', async () => {
  const { receiver, settle, clock } = setUpAlone();
  const finish = deferred();
  receiver.onTaskSucceeded(async (_, context) => {
    void context.transaction(() => {
      throw new Error('not awaited');
    });
    await finish.promise;
  });
  const listeners = process.rawListeners('unhandledRejection') as ((reason: unknown) => void)[];
  process.removeAllListeners('unhandledRejection');
  const unhandled: unknown[] = [];
  process.on('unhandledRejection', (reason) => unhandled.push(reason));
  try {
    await settle(event);
    finish.resolve();
    await clock.flush();
  } finally {
    process.removeAllListeners('unhandledRejection');
    for (const listener of listeners) process.on('unhandledRejection', listener);
  }
  expect(unhandled).toEqual([expect.objectContaining({ message: 'not awaited' })]);
});

describe('context.transaction: rejects without a call to the store', () => {
  function setUpCounted(options: Partial<ReceiverOptions<JsonObject, LedgerTx>> = {}) {
    let asked = 0;
    const counting = (store: TransactionalStore): Partial<TransactionalStore> => ({
      transaction(...args) {
        asked += 1;
        return store.transaction(...args);
      },
    });
    return { ...setUpAlone(counting, options), asked: () => asked };
  }

  test.each([
    ['committed', noop],
    ['failed', () => Promise.reject(new Error('no'))],
  ])('a second transaction of a run if the first one %s', async (_, work) => {
    const { receiver, settle, asked } = setUpCounted();
    const codes: unknown[] = [];
    receiver.onTaskSucceeded(async (__, context) => {
      await codeOf(context.transaction(work));
      codes.push(await codeOf(context.transaction(noop)));
    });
    await settle(event);
    expect(codes).toEqual(['invalid_argument']);
    expect(asked()).toBe(1);
  });

  test('a second transaction while the first one runs', async () => {
    const { receiver, settle, store, asked } = setUpCounted();
    const codes: unknown[] = [];
    receiver.onTaskSucceeded(async (_, context) => {
      const both = [writing('one'), writing('two')].map((work) => context.transaction(work));
      codes.push(...(await Promise.all(both.map(codeOf))));
    });
    await settle(event);
    expect(codes).toEqual([undefined, 'invalid_argument']);
    expect([store.lines, asked()]).toEqual([['one'], 1]);
  });

  test.each([
    ['succeeded', noop],
    ['failed', () => Promise.reject(new Error('no'))],
  ])('a transaction after the handler has %s', async (_, end) => {
    const { receiver, settle, asked } = setUpCounted();
    const contexts: HandlerContext[] = [];
    receiver.onTaskSucceeded((__, context) => {
      contexts.push(context);
      return end();
    });
    await settle(event);
    const late = contexts.map(({ transaction }) => codeOf(transaction(noop)));
    expect(await Promise.all(late)).toEqual(['lease_lost']);
    expect(asked()).toBe(0);
  });

  test('a transaction after the signal is aborted, with the reason of the signal', async () => {
    const { receiver, settle, clock, asked } = setUpCounted({ handlers: { timeoutMs: 1000 } });
    const { handle, proceed, codes } = waiting((context) => context.transaction(noop));
    receiver.onTaskSucceeded(handle);
    await settle(event);
    await clock.advance(1500);
    proceed.resolve();
    await clock.flush();
    expect(codes).toEqual(['handler_timeout']);
    expect(asked()).toBe(0);
  });
});

describe('context.transaction: rejects with not_transactional', () => {
  const refusal = async (promise: Promise<unknown>) => promise.catch((error: unknown) => error);
  const NOT_TRANSACTIONAL: unknown = expect.objectContaining({
    name: 'WebhookError',
    code: 'not_transactional',
    message: expect.stringMatching(/sqliteInbox.*postgresInbox/) as string,
  });

  test('with the memory inbox', async () => {
    const { receiver, settle } = setUp();
    const refusals: unknown[] = [];
    receiver.onTaskSucceeded(async (_, context) => {
      refusals.push(await refusal(context.transaction(noop)));
    });
    await settle(event);
    expect(refusals).toEqual([NOT_TRANSACTIONAL]);
    expect(receiver.inbox.capabilities.transactional).toBe(false);
  });

  test('in processUnverified() and in onTaskProgress with any inbox', async () => {
    const { receiver, clock, store } = setUpAlone();
    const refusals: unknown[] = [];
    const handle = async (_: unknown, context: HandlerContext) => {
      refusals.push(await refusal(context.transaction(writing('never'))));
    };
    receiver.onTaskSucceeded(handle);
    receiver.onTaskProgress(handle);
    await receiver.processUnverified(event);
    await receiver.processUnverified(sampleEvents.queued());
    await clock.flush();
    expect(refusals).toEqual([NOT_TRANSACTIONAL, NOT_TRANSACTIONAL]);
    expect(store.lines).toEqual([]);
  });
});
