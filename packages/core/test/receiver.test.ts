import { memoryInbox, memoryStore, pollingInbox, type Inbox } from '@novita-webhooks/core';
import {
  createFakeInbox,
  createManualClock,
  sampleEvents,
  signedDelivery,
} from '@novita-webhooks/testing';
import { describe, expect, test } from 'vitest';

import { codeOf, createGauge, deferred, noop, SAMPLE_TASK, setUp, track } from './helpers.ts';

const KEY = { endpoint: 'novita', taskId: SAMPLE_TASK };
const event = sampleEvents.imageSucceeded();

function setUpWithFake() {
  const clock = createManualClock();
  const inbox = createFakeInbox({ clock });
  return { ...setUp({ inbox }, clock), inbox };
}

/** A memory inbox with one method replaced. */
function inboxWith(parts: (inbox: Inbox) => Partial<Inbox>) {
  const clock = createManualClock();
  const inbox = memoryInbox({ clock });
  return setUp({ inbox: { ...inbox, ...parts(inbox) } }, clock);
}

describe('receiver: inbox that fails', () => {
  test('causes 503; the next copy is accepted when the inbox recovers', async () => {
    const { receiver, inbox, deliver, clock, log } = setUpWithFake();
    const gauge = createGauge();
    receiver.onTaskSucceeded(gauge.count(noop));
    inbox.fail(new Error('connection refused'));
    const reply = await deliver(event);
    expect([reply.status, codeOf(reply)]).toEqual([503, 'inbox_unavailable']);
    expect(Number(reply.headers['retry-after'])).toBeGreaterThan(0);
    expect(log.messages('error')).toContainEqual(
      expect.stringContaining('an event was not stored'),
    );
    inbox.recover();
    expect(codeOf(await deliver(event))).toBe('accepted');
    await clock.advance(2000);
    expect(gauge.runs()).toBe(1);
  });

  test('during a claim is polled again until it recovers', async () => {
    const { receiver, inbox, deliver, clock } = setUpWithFake();
    const gauge = createGauge();
    await deliver(event);
    inbox.fail(new Error('connection refused'));
    receiver.onTaskSucceeded(gauge.count(noop));
    await clock.advance(60_000);
    expect(gauge.runs()).toBe(0);
    inbox.recover();
    await clock.advance(1000);
    expect(gauge.runs()).toBe(1);
  });

  test('while an outcome is recorded does not run the handler twice', async () => {
    const { receiver, inbox, settle, clock } = setUpWithFake();
    const gauge = createGauge();
    const end = deferred();
    receiver.onTaskSucceeded(gauge.count(() => end.promise));
    await settle(event);
    inbox.fail(new Error('connection refused'));
    end.resolve();
    await clock.advance(15_000);
    expect((await settle(event)).status).toBe(503);
    inbox.recover();
    await clock.advance(120_000);
    expect(gauge.runs()).toBe(1);
    expect((await inbox.get(KEY))?.state).toBe('done');
  });

  test('in get does not change the reply to a duplicate', async () => {
    const { deliver, receiver } = inboxWith(() => ({ get: () => Promise.reject(new Error('no')) }));
    await deliver(event);
    expect(codeOf(await deliver(sampleEvents.failed()))).toBe('duplicate');
    expect((await receiver.stats()).conflicts).toBe(0);
  });

  test.each([
    ['throws at once', () => expect.unreachable()],
    ['rejects with nothing', () => Promise.reject(undefined as unknown as Error)],
    ['rejects with a proxy', () => Promise.reject(revoked() as Error)],
    ['resolves to nothing', () => Promise.resolve(undefined)],
    ['resolves to true', () => Promise.resolve(true)],
    ['resolves to an object', () => Promise.resolve({ status: 'added' })],
    ['returns nothing', () => undefined],
    ['resolves to "ADDED"', () => Promise.resolve('ADDED')],
    ['fails with the code of a success', () => Promise.reject(coded('accepted'))],
    ['fails with the code of another answer', () => Promise.reject(coded('invalid_json'))],
  ])('causes 503 if add %s', async (_, add) => {
    const { deliver } = inboxWith(() => ({ add: add as unknown as Inbox['add'] }));
    const reply = await deliver(event);
    expect([reply.status, codeOf(reply)]).toEqual([503, 'inbox_unavailable']);
  });
});

const coded = (code: string) => Object.assign(new Error('odd'), { name: 'WebhookError', code });

function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

describe('receiver: inbox that stalls', () => {
  test('causes 503 after exactly 4 s', async () => {
    const { receiver, inbox, clock } = setUpWithFake();
    const asked = await signedDelivery(receiver, event);
    inbox.stall();
    const reply = track(receiver.handle(asked));
    await clock.advance(3999);
    expect(reply.settled).toBe(false);
    await clock.advance(1);
    expect([reply.value?.status, reply.value && codeOf(reply.value)]).toEqual([
      503,
      'reply_timeout',
    ]);
    expect(reply.value?.headers['retry-after']).toBeDefined();
  });

  test('causes 503 after 4 s that include the time of the body', async () => {
    const { receiver, inbox, clock } = setUpWithFake();
    const asked = await signedDelivery(receiver, event);
    const rest = deferred<string>();
    inbox.stall();
    const body = (async function* () {
      yield await rest.promise;
    })();
    const reply = track(receiver.handle({ ...asked, body }));
    await clock.advance(2500);
    rest.resolve(JSON.stringify(event));
    await clock.advance(1499);
    expect(reply.settled).toBe(false);
    await clock.advance(1);
    expect(reply.value?.status).toBe(503);
  });

  test('and then stores the event makes the next copy a duplicate', async () => {
    const { receiver, inbox, clock } = setUpWithFake();
    const gauge = createGauge();
    receiver.onTaskSucceeded(gauge.count(noop));
    const asked = await signedDelivery(receiver, event);
    inbox.stall();
    const reply = track(receiver.handle(asked));
    await clock.advance(4000);
    expect(reply.value?.status).toBe(503);
    inbox.recover();
    await clock.flush();
    expect(codeOf(await receiver.handle(asked))).toBe('duplicate');
    await clock.advance(60_000);
    expect(gauge.runs()).toBe(1);
  });

  test('and fails after the reply is logged and causes no unhandled rejection', async () => {
    const late = deferred<'added'>();
    const { receiver, clock, log } = inboxWith(() => ({ add: () => late.promise }));
    const reply = track(receiver.handle(await signedDelivery(receiver, event)));
    await clock.advance(4000);
    expect(reply.value?.status).toBe(503);
    late.reject(new Error('connection reset'));
    await clock.flush();
    expect(log.messages('error')).toContainEqual(
      expect.stringContaining('an event was not stored'),
    );
  });
});

describe('receiver: inbox that stalls in deleteExpired', () => {
  test('still runs the handlers of accepted events', async () => {
    const clock = createManualClock();
    const store = { ...memoryStore({ clock }), deleteExpired: () => new Promise<never>(noop) };
    const { receiver, settle } = setUp({ inbox: pollingInbox(store, { clock }) }, clock);
    const gauge = createGauge();
    receiver.onTaskSucceeded(gauge.count(noop));
    for (const taskId of ['a', 'b', 'c']) {
      expect((await settle(sampleEvents.imageSucceeded({ taskId }))).status).toBe(200);
      await clock.advance(61_000);
    }
    expect(gauge.runs()).toBe(3);
  });
});

describe('receiver: inbox whose consume throws', () => {
  test('does not make handle() reject', async () => {
    const { receiver } = inboxWith(() => ({ consume: () => expect.unreachable() }));
    receiver.onTaskSucceeded(noop);
    const asked = await signedDelivery(receiver, event);
    const handle = async () => receiver.handle(asked);
    await expect(handle()).resolves.toHaveProperty('status');
  });
});

describe('receiver: duplicates', () => {
  test('1,000 concurrent copies get 200 and cause one run', async () => {
    const { receiver, clock } = setUp();
    const gauge = createGauge();
    receiver.onTaskSucceeded(gauge.count(noop));
    const asked = await signedDelivery(receiver, event);
    const replies = await Promise.all(Array.from({ length: 1000 }, () => receiver.handle(asked)));
    await clock.flush();
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]));
    expect(replies.map(codeOf).filter((code) => code === 'accepted')).toHaveLength(1);
    expect(gauge.runs()).toBe(1);
    expect((await receiver.stats()).inbox).toMatchObject({ done: 1, pending: 0, running: 0 });
  });

  test('of a done task are not handled within the retention of 7 days', async () => {
    const { receiver, clock, settle } = setUp();
    const gauge = createGauge();
    receiver.onTaskSucceeded(gauge.count(noop));
    await settle(event);
    for (let day = 0; day < 6; day += 1) {
      clock.skip(24 * 60 * 60 * 1000);
      await clock.advance(60_000); // more than cleanupIntervalMs
      expect(codeOf(await settle(event))).toBe('duplicate');
    }
    expect(gauge.runs()).toBe(1);
  });

  test('of a failed task do not bring its next attempt forward', async () => {
    const { receiver, clock, settle } = setUp({ retry: { delay: () => 60_000 } });
    const gauge = createGauge();
    receiver.onTaskSucceeded(
      gauge.count(() => {
        throw new Error('no');
      }),
    );
    for (let copy = 0; copy < 5; copy += 1) expect((await settle(event)).status).toBe(200);
    await clock.advance(59_999);
    expect(gauge.runs()).toBe(1);
  });

  test('100 concurrent tasks run once each, at most `concurrency` at a time', async () => {
    const { receiver, clock, deliver } = setUp({ handlers: { concurrency: 7 } });
    const gauge = createGauge();
    const seen = new Set<string>();
    receiver.onTaskSucceeded(({ task }) => void seen.add(task.task_id));
    receiver.onTaskSucceeded(
      gauge.count(() => new Promise<void>((resolve) => void clock.after(10, resolve))),
    );
    const ids = Array.from({ length: 100 }, (_, index) => `task-${index}`);
    await Promise.all(ids.map((taskId) => deliver(sampleEvents.imageSucceeded({ taskId }))));
    await clock.advance(1000);
    expect([seen.size, gauge.runs(), gauge.most()]).toEqual([100, 100, 7]);
  });
});

describe('receiver: later event of a task with another status', () => {
  test('gets duplicate, is counted and logged, and is not handled', async () => {
    const { receiver, settle, log } = setUp();
    const statuses: string[] = [];
    receiver.onTaskFinished(({ task }) => statuses.push(task.status));
    await settle(event);
    expect(codeOf(await settle(sampleEvents.failed()))).toBe('duplicate');
    expect(codeOf(await settle(event))).toBe('duplicate');
    expect(statuses).toEqual(['TASK_STATUS_SUCCEED']);
    expect((await receiver.stats()).conflicts).toBe(1);
    const warning = log.lines.find(({ message }) =>
      message.includes('another status than the first'),
    );
    expect(warning).toMatchObject({
      level: 'warn',
      details: {
        taskId: SAMPLE_TASK,
        first: 'TASK_STATUS_SUCCEED',
        later: 'TASK_STATUS_FAILED',
      },
    });
    expect((await receiver.inbox.get(KEY))?.status).toBe('TASK_STATUS_SUCCEED');
  });
});

describe('receiver: testEvents', () => {
  test.each(['handle', 'ignore'] as const)('%s', async (testEvents) => {
    const { receiver, settle, clock } = setUp({ testEvents });
    const seen: boolean[] = [];
    receiver.onTaskFinished((_, { testMode }) => seen.push(testMode));
    const reply = await settle(sampleEvents.testMode({ taskId: 'by its payload' }));
    const { url } = await receiver.createCallback({ testMode: 'TASK_STATUS_FAILED' });
    const asked = await signedDelivery(receiver, sampleEvents.failed({ taskId: 'by its URL' }));
    const second = await receiver.handle({ ...asked, url });
    await settle(sampleEvents.imageSucceeded({ taskId: 'real' }));
    await clock.flush();
    const handled = testEvents === 'handle';
    expect([codeOf(reply), codeOf(second)]).toEqual(
      Array(2).fill(handled ? 'accepted' : 'ignored'),
    );
    expect(seen).toEqual(handled ? [true, true, false] : [false]);
    expect((await receiver.stats()).inbox.done).toBe(handled ? 3 : 1);
  });
});

describe('receiver: start', () => {
  test('consumes no entry before a handler for results is registered', async () => {
    const { receiver, settle } = setUp();
    const gauge = createGauge();
    receiver.onTaskProgress(noop);
    receiver.onOtherEvent(noop);
    receiver.start();
    await settle(event);
    expect((await receiver.stats()).inbox).toMatchObject({ pending: 1, done: 0 });
    receiver.onTaskSucceeded(gauge.count(noop));
    await settle(sampleEvents.other());
    expect(gauge.runs()).toBe(1);
  });

  test('consumes no entry before start() or the first delivery', async () => {
    const clock = createManualClock();
    const inbox = memoryInbox({ clock });
    await setUp({ inbox }, clock).deliver(event); // of an earlier process
    const { receiver } = setUp({ inbox }, clock);
    const gauge = createGauge();
    receiver.onTaskSucceeded(gauge.count(noop));
    await clock.advance(60_000);
    expect(gauge.runs()).toBe(0);
    receiver.start();
    receiver.start();
    await clock.flush();
    expect(gauge.runs()).toBe(1);
  });

  test('runs all handlers that are registered in the same tick', async () => {
    const clock = createManualClock();
    const inbox = memoryInbox({ clock });
    await setUp({ inbox }, clock).deliver(event);
    const { receiver } = setUp({ inbox }, clock);
    const seen: number[] = [];
    receiver.start();
    for (const index of [1, 2, 3]) receiver.onTaskSucceeded(() => seen.push(index));
    await clock.flush();
    expect(seen).toEqual([1, 2, 3]);
  });
});
