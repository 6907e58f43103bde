import { memoryStore, pollingInbox, type Store } from '@novita-webhooks/core';
import { createManualClock, createTestEntry, sampleEvents } from '@novita-webhooks/testing';
import { describe, expect, test } from 'vitest';

import { createGauge, deferred, noop, setUp, type Deferred } from './helpers.ts';

const LEASE = 3000;
const body = (taskId: string) => JSON.stringify(sampleEvents.imageSucceeded({ taskId }).payload);

function createSharedStore() {
  const clock = createManualClock();
  const store = memoryStore({ clock });
  const add = (taskId: string) => store.add(createTestEntry({ taskId, body: body(taskId) }));
  return { clock, store, add };
}

const inboxOf = (store: Store, clock: ReturnType<typeof createManualClock>) =>
  pollingInbox(store, { clock, leaseDurationMs: LEASE });

describe('worker: entries whose last attempt was never settled', () => {
  test('only the one that ends its process becomes a dead letter', async () => {
    const { clock, store, add } = createSharedStore();
    const good = ['a', 'b', 'c', 'd', 'e', 'f'];
    for (const taskId of ['a', 'b', 'c', 'poison', 'd', 'e', 'f']) await add(taskId);
    let crashes = 0;

    /** One life of the process: after the poison, nothing of it reaches the store. */
    async function live(): Promise<void> {
      let isDead = false;
      const ifAlive =
        <A extends unknown[], R>(call: (...args: A) => R) =>
        (...args: A) =>
          isDead ? new Promise<never>(noop) : call(...args);
      const dying: Store = {
        ...store,
        claim: ifAlive(store.claim),
        extend: ifAlive(store.extend),
        settle: ifAlive(store.settle),
        nextDueMs: ifAlive(store.nextDueMs),
      };
      const { receiver } = setUp(
        { inbox: inboxOf(dying, clock), handlers: { concurrency: 10 }, retry: { maxAttempts: 3 } },
        clock,
      );
      receiver.onTaskSucceeded({ handlerName: 'it' }, async ({ task }) => {
        if (task.task_id === 'poison') {
          isDead = true;
          crashes += 1;
        }
        if (!isDead) await Promise.resolve();
        if (isDead) await new Promise(noop);
      });
      receiver.start();
      await clock.advance(2 * LEASE);
    }

    for (let life = 0; life < 5; life += 1) await live();
    const states = new Map<string, unknown>();
    for (const taskId of [...good, 'poison']) {
      states.set(taskId, (await store.get({ endpoint: 'novita', taskId }))?.state);
    }
    expect(Object.fromEntries(states)).toEqual({
      ...Object.fromEntries(good.map((taskId) => [taskId, 'done'])),
      poison: 'dead',
    });
    expect(crashes).toBe(3);
  }, 60_000);

  test('run one at a time, and nothing beside them', async () => {
    const { clock, store, add } = createSharedStore();
    const lost = ['a', 'b', 'c'];
    for (const taskId of lost) await add(taskId);
    await store.claim('novita', 10, LEASE); // by a process that then dies
    const { receiver } = setUp(
      { inbox: inboxOf(store, clock), handlers: { concurrency: 10 } },
      clock,
    );
    const gauge = createGauge();
    const running = new Set<string>();
    const beside: string[][] = [];
    const ends = new Map<string, Deferred<void>>();
    receiver.onTaskSucceeded(({ task }) => {
      const taskId = task.task_id;
      running.add(taskId);
      if ([...running].some((one) => lost.includes(one))) beside.push([...running]);
      const end = deferred();
      ends.set(taskId, end);
      return gauge.count(() => end.promise.finally(() => running.delete(taskId)))();
    });
    receiver.start();
    await clock.advance(LEASE); // the first look
    await add('held');
    await add('other');
    const inbox = receiver.inbox;
    await inbox.promote?.({ endpoint: 'novita', taskId: 'held' });
    await clock.advance(10);
    expect([...running].sort()).toEqual(['held', 'other']);
    await clock.advance(LEASE); // a takeover is claimed, and waits for both
    await add('later');
    await inbox.promote?.({ endpoint: 'novita', taskId: 'later' });
    await clock.advance(LEASE);
    expect([...running].sort()).toEqual(['held', 'other']);
    for (let step = 0; step < 10; step += 1) {
      for (const end of ends.values()) end.resolve();
      await clock.advance(LEASE / 2);
    }
    expect(beside).toEqual([['a'], ['b'], ['c']]);
    expect(await store.stats()).toMatchObject({ done: 6, dead: 0, pending: 0, running: 0 });
  });

  test('a claimed one that waits for its turn keeps its lease', async () => {
    const { clock, store, add } = createSharedStore();
    await add('lost');
    await store.claim('novita', 1, LEASE);
    const { receiver } = setUp(
      { inbox: inboxOf(store, clock), handlers: { timeoutMs: 100 * LEASE } },
      clock,
    );
    const end = deferred();
    const runs: string[] = [];
    receiver.onTaskSucceeded(({ task }) => {
      runs.push(task.task_id);
      return task.task_id === 'lost' ? undefined : end.promise;
    });
    await add('held');
    receiver.start();
    await clock.advance(10 * LEASE);
    expect(runs).toEqual(['held']);
    expect((await store.get({ endpoint: 'novita', taskId: 'lost' }))?.attempts).toBe(2);
    end.resolve();
    await clock.advance(10);
    expect(runs).toEqual(['held', 'lost']);
    expect(await store.stats()).toMatchObject({ done: 2 });
  });
});

describe('worker: maxAttempts is lowered by a release', () => {
  test('an entry that waits for its retry runs once more and keeps a real reason', async () => {
    const { clock, store, add } = createSharedStore();
    await add('a');
    for (let attempt = 1; attempt <= 5; attempt += 1) {
      const [claim] = await store.claim('novita', 1, LEASE);
      if (claim === undefined) throw new Error('nothing to claim');
      const reason = `Error: failure ${attempt}`;
      await store.settle(claim, { type: 'retry', delayMs: 0, reason, succeededHandlers: [] });
    }
    const { receiver } = setUp({ inbox: inboxOf(store, clock), retry: { maxAttempts: 3 } }, clock);
    receiver.onTaskSucceeded(() => {
      throw new Error('no mail server');
    });
    receiver.start();
    await clock.flush();
    const found = await store.get({ endpoint: 'novita', taskId: 'a' });
    expect(found).toMatchObject({ state: 'dead', reason: 'Error: no mail server' });
  });

  test('a crash after failures keeps the reason of the last failure', async () => {
    const { clock, store, add } = createSharedStore();
    await add('a');
    const [claim] = await store.claim('novita', 1, LEASE);
    if (claim === undefined) throw new Error('nothing to claim');
    const reason = 'Error: no mail server';
    await store.settle(claim, { type: 'retry', delayMs: 0, reason, succeededHandlers: [] });
    await store.claim('novita', 1, LEASE); // by a process that then dies
    const { receiver } = setUp({ inbox: inboxOf(store, clock), retry: { maxAttempts: 2 } }, clock);
    receiver.onTaskSucceeded(noop);
    receiver.start();
    await clock.advance(2 * LEASE);
    const found = await store.get({ endpoint: 'novita', taskId: 'a' });
    expect(found?.reason).toMatch(/gave up after 2 of 2 attempts.*Error: no mail server/);
  });

  test('processUnverified runs the handlers, whatever the number of the attempt', async () => {
    const { receiver } = setUp({ retry: { maxAttempts: 3 } });
    let runs = 0;
    receiver.onTaskSucceeded(() => (runs += 1));
    await receiver.processUnverified(sampleEvents.imageSucceeded(), { attempt: 9 });
    expect(runs).toBe(1);
  });
});
