import type { Receiver, ReceiverOptions } from '@novita-webhooks/core';
import { createFakeInbox, createManualClock, sampleEvents } from '@novita-webhooks/testing';
import { describe, expect, test } from 'vitest';

import { codeOf, createGauge, deferred, setUp, track } from './helpers.ts';

type RuntimeContext = NonNullable<Parameters<Receiver['handle']>[1]>;

/** A runtime that may stop after the reply. No tokens, since crypto ignores the manual clock. */
function ephemeral(options: Partial<ReceiverOptions> = {}, clock = createManualClock()) {
  const setup = setUp({ insecure: true, ...options }, clock);
  const waited: { settled: boolean }[] = [];
  const deliver = (taskId = 'task', runtime: RuntimeContext = {}) =>
    setup.receiver.handle(
      {
        method: 'POST',
        url: '/',
        headers: {},
        body: JSON.stringify(sampleEvents.imageSucceeded({ taskId })),
      },
      { ephemeral: true, ...runtime },
    );
  const waitUntil = (work: Promise<unknown>) => void waited.push(track(work));
  return {
    ...setup,
    deliver,
    waited,
    /** The same in a runtime that has `waitUntil`. */
    deliverAndStay: (taskId?: string) => deliver(taskId, { waitUntil }),
  };
}

/** A handler that runs until it is aborted. */
function untilAborted(aborted: string[]) {
  return ({ task }: { task: { task_id: string } }, { signal }: { signal: AbortSignal }) =>
    new Promise<void>((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        aborted.push(task.task_id);
        reject(new Error('aborted'));
      });
    });
}

describe('request-scoped attempts: no timer is left after the reply', () => {
  test('if the handlers succeed', async () => {
    const { receiver, deliver, clock } = ephemeral();
    const gauge = createGauge();
    receiver.onTaskSucceeded(gauge.count(() => undefined));
    for (const taskId of ['a', 'b', 'c']) {
      expect(codeOf(await deliver(taskId))).toBe('accepted');
      await clock.flush();
      expect(clock.timers()).toBe(0);
    }
    expect(gauge.runs()).toBe(3);
    expect((await receiver.stats()).inbox.done).toBe(3);
  });

  test('if the handlers fail: only the next copy starts the next attempt', async () => {
    const { receiver, deliver, clock } = ephemeral();
    const attempts: number[] = [];
    receiver.onTaskSucceeded((_, { attempt }) => {
      attempts.push(attempt);
      if (attempt < 3) throw new Error('no');
    });
    for (const ran of [[1], [1, 2]]) {
      expect(codeOf(await deliver())).toBe('not_handled');
      await clock.flush();
      expect(clock.timers()).toBe(0);
      await clock.advance(60_000);
      expect(attempts).toEqual(ran);
    }
    expect((await deliver()).status).toBe(200);
    expect(codeOf(await deliver())).toBe('duplicate');
    expect(attempts).toEqual([1, 2, 3]);
  });

  test('if they are too slow: replies 503, aborts the signal, releases the lease', async () => {
    const { receiver, deliver, clock } = ephemeral();
    const aborted: string[] = [];
    receiver.onTaskSucceeded(untilAborted(aborted));
    const reply = track(deliver());
    await clock.advance(3999);
    expect([reply.settled, aborted]).toEqual([false, []]);
    await clock.advance(1);
    expect(reply.value && codeOf(reply.value)).toBe('not_handled');
    await clock.flush();
    expect(aborted).toEqual(['task']);
    expect(clock.timers()).toBe(0);
    expect((await receiver.stats()).inbox).toMatchObject({ pending: 1, running: 0 });
  });

  test('if the inbox fails', async () => {
    const clock = createManualClock();
    const inbox = createFakeInbox({ clock });
    const { receiver, deliver } = ephemeral({ inbox }, clock);
    receiver.onTaskSucceeded(() => undefined);
    inbox.fail(new Error('connection refused'));
    expect(codeOf(await deliver())).toBe('inbox_unavailable');
    await clock.flush();
    inbox.recover();
    expect(clock.timers()).toBe(0);
    expect(codeOf(await deliver())).toBe('accepted');
    await clock.flush();
    expect(clock.timers()).toBe(0);
  });

  test('if no handler is registered: replies 503', async () => {
    const { deliver, clock } = ephemeral();
    const reply = track(deliver());
    await clock.advance(4000);
    expect(reply.value && codeOf(reply.value)).toBe('not_handled');
    await clock.flush();
    expect(clock.timers()).toBe(0);
  });

  test('if no handler matches the result: replies 200', async () => {
    const { receiver, deliver, clock } = ephemeral();
    receiver.onTaskFailed(() => undefined);
    expect(codeOf(await deliver())).toBe('accepted');
    await clock.flush();
    expect(clock.timers()).toBe(0);
  });
});

describe('request-scoped attempts: waitUntil', () => {
  test('gets a promise that settles when the handlers end, after the reply', async () => {
    const { receiver, deliver, deliverAndStay, clock, waited } = ephemeral();
    const end = deferred();
    const gauge = createGauge();
    receiver.onTaskSucceeded(gauge.count(() => end.promise));
    const reply = track(deliverAndStay());
    await clock.advance(4000);
    expect(reply.value && codeOf(reply.value)).toBe('not_handled');
    await clock.advance(2000);
    expect([waited.length, waited[0]?.settled, gauge.running()]).toEqual([1, false, 1]);
    end.resolve();
    await clock.flush();
    expect(waited[0]?.settled).toBe(true);
    expect(clock.timers()).toBe(0);
    expect(codeOf(await deliver())).toBe('duplicate');
    expect(gauge.runs()).toBe(1);
  });

  test('gets a promise that settles if the handlers fail after the reply', async () => {
    const { receiver, deliverAndStay, clock, waited } = ephemeral();
    const end = deferred();
    receiver.onTaskSucceeded(() => end.promise);
    const reply = track(deliverAndStay());
    await clock.advance(4000);
    expect(reply.value?.status).toBe(503);
    end.reject(new Error('no'));
    await clock.flush();
    expect(waited[0]?.settled).toBe(true);
    expect(clock.timers()).toBe(0);
  });

  test('gets a promise that settles after timeoutMs if a handler never ends', async () => {
    const { receiver, deliverAndStay, clock, waited } = ephemeral({
      handlers: { timeoutMs: 10_000 },
    });
    const aborted: string[] = [];
    receiver.onTaskSucceeded(untilAborted(aborted));
    void deliverAndStay();
    await clock.advance(9999);
    expect(aborted).toEqual([]);
    await clock.advance(20_001);
    expect([aborted, waited[0]?.settled]).toEqual([['task'], true]);
    expect(clock.timers()).toBe(0);
  });

  test('gets a promise that settles at once for a duplicate', async () => {
    const { receiver, deliver, deliverAndStay, clock, waited } = ephemeral();
    receiver.onTaskSucceeded(() => undefined);
    await deliver();
    expect(codeOf(await deliverAndStay())).toBe('duplicate');
    await clock.flush();
    expect(waited.every(({ settled }) => settled)).toBe(true);
    expect(clock.timers()).toBe(0);
  });

  test('does not change the reply if it throws', async () => {
    const { receiver, deliver } = ephemeral();
    receiver.onTaskSucceeded(() => undefined);
    const reply = await deliver('task', {
      waitUntil() {
        throw new Error('the context is gone');
      },
    });
    expect(codeOf(reply)).toBe('accepted');
  });

  test("with ack: 'accepted' gets the handlers' promise after an immediate reply", async () => {
    const { receiver, deliverAndStay, clock, waited } = ephemeral({ ack: 'accepted' });
    const end = deferred();
    receiver.onTaskSucceeded(() => end.promise);
    const reply = track(deliverAndStay());
    await clock.flush();
    expect(reply.value && codeOf(reply.value)).toBe('accepted');
    expect(waited.map(({ settled }) => settled)).toEqual([false]);
    end.resolve();
    await clock.flush();
    expect(waited.map(({ settled }) => settled)).toEqual([true]);
    expect(clock.timers()).toBe(0);
  });
});

describe('request-scoped attempts: concurrent deliveries', () => {
  test('of one event share one attempt', async () => {
    const { receiver, deliver, clock } = ephemeral();
    const end = deferred();
    const gauge = createGauge();
    receiver.onTaskSucceeded(gauge.count(() => end.promise));
    const replies = Array.from({ length: 20 }, () => track(deliver()));
    await clock.advance(1000);
    replies.push(track(deliver()));
    await clock.flush();
    expect(replies.some(({ settled }) => settled)).toBe(false);
    end.resolve();
    await clock.flush();
    expect(replies.map(({ value }) => value?.status)).toEqual(Array(21).fill(200));
    expect(gauge.runs()).toBe(1);
    expect(clock.timers()).toBe(0);
  });

  test('of two events do not abort the handlers of each other', async () => {
    const { receiver, deliver, clock } = ephemeral();
    const ends = { quick: deferred(), slow: deferred() };
    const aborted: string[] = [];
    receiver.onTaskSucceeded(({ task }, { signal }) => {
      signal.addEventListener('abort', () => aborted.push(task.task_id));
      return ends[task.task_id as keyof typeof ends].promise;
    });
    // The first attempt must not claim the entry of the second one.
    for (const [first, second] of [
      ['quick', 'slow'],
      ['slow', 'quick'],
    ] as const) {
      ends.quick = deferred();
      ends.slow = deferred();
      const inbox = receiver.inbox;
      const replies = { [first]: track(deliver(first)), [second]: track(deliver(second)) };
      await clock.advance(1000);
      ends.quick.resolve();
      await clock.advance(1000);
      expect(replies['quick']?.value?.status).toBe(200);
      expect([replies['slow']?.settled, aborted]).toEqual([false, []]);
      ends.slow.resolve();
      await clock.flush();
      expect(replies['slow']?.value?.status).toBe(200);
      expect(clock.timers()).toBe(0);
      for (const taskId of ['quick', 'slow']) await inbox.discard({ endpoint: 'novita', taskId });
    }
  });

  test('run at most `concurrency` handlers at a time', async () => {
    const { receiver, deliver, clock } = ephemeral({ handlers: { concurrency: 2 } });
    const ends: (() => void)[] = [];
    const gauge = createGauge();
    receiver.onTaskSucceeded(gauge.count(() => new Promise<void>((end) => ends.push(end))));
    const replies = Array.from({ length: 6 }, (_, index) => track(deliver(`task-${index}`)));
    for (let round = 0; round < 6; round += 1) {
      await clock.advance(100);
      for (const end of ends.splice(0)) end();
    }
    await clock.flush();
    expect(replies.map(({ value }) => value?.status)).toEqual(Array(6).fill(200));
    expect(gauge.most()).toBeLessThanOrEqual(2);
    expect(clock.timers()).toBe(0);
  });
});

describe('request-scoped attempts: receiver after start()', () => {
  test('consumes once and retries after the reply', async () => {
    const clock = createManualClock();
    const inbox = createFakeInbox({ clock });
    let consumers = 0;
    const counted: typeof inbox = {
      ...inbox,
      consume(...given) {
        consumers += 1;
        return inbox.consume(...given);
      },
    };
    const { receiver, deliver } = ephemeral(
      { inbox: counted, retry: { delay: () => 1000 } },
      clock,
    );
    const attempts: number[] = [];
    receiver.onTaskSucceeded((_, { attempt }) => {
      attempts.push(attempt);
      if (attempt === 1) throw new Error('no');
    });
    receiver.start();
    const replies = [track(deliver()), track(deliver())];
    await clock.flush();
    expect(replies.map(({ value }) => value?.status)).toEqual([503, 503]);
    await clock.advance(2000);
    expect(attempts).toEqual([1, 2]);
    expect(consumers).toBe(1);
    await receiver.close();
    expect(clock.timers()).toBe(0);
  });

  test("runs handlers in the background with ack: 'accepted' and no waitUntil", async () => {
    const { receiver, deliver, clock } = ephemeral({ ack: 'accepted' });
    const end = deferred();
    receiver.onTaskSucceeded(() => end.promise);
    expect(codeOf(await deliver())).toBe('accepted');
    await clock.advance(10_000);
    end.resolve();
    await clock.flush();
    expect((await receiver.stats()).inbox.done).toBe(1);
    await receiver.close();
  });

  test('consumes from then on, if start() comes between two deliveries', async () => {
    const { receiver, deliver, clock } = ephemeral({ retry: { delay: () => 1000 } });
    const attempts: number[] = [];
    receiver.onTaskSucceeded((_, { attempt }) => {
      attempts.push(attempt);
      if (attempt === 1) throw new Error('no');
    });
    expect((await deliver()).status).toBe(503);
    receiver.start();
    await clock.advance(2000);
    expect(attempts).toEqual([1, 2]);
    await receiver.close();
  });
});

test('request-scoped attempts: close waits for the reply to a delivery', async () => {
  const { receiver, deliver, clock } = ephemeral();
  const end = deferred();
  receiver.onTaskSucceeded(() => end.promise);
  const reply = track(deliver());
  await clock.flush();
  const closed = track(receiver.close());
  await clock.flush();
  expect(closed.settled).toBe(false);
  expect(codeOf(await deliver('late'))).toBe('closing');
  end.resolve();
  await clock.advance(0);
  expect(reply.value?.status).toBe(200);
  expect(closed.settled).toBe(true);
  expect(clock.timers()).toBe(0);
});

test('request-scoped attempts: close waits for handlers that outlive the reply', async () => {
  const { receiver, deliverAndStay, clock } = ephemeral();
  const end = deferred();
  const gauge = createGauge();
  receiver.onTaskSucceeded(gauge.count(() => end.promise));
  void deliverAndStay();
  await clock.advance(4000);
  const closed = track(receiver.close());
  await clock.advance(1000);
  expect([closed.settled, gauge.running()]).toEqual([false, 1]);
  end.resolve();
  await clock.advance(0);
  expect(closed.settled).toBe(true);
  expect(clock.timers()).toBe(0);
});
