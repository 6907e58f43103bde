import { memoryInbox, type ReceiverOptions, type WebhookReply } from '@novita-webhooks/core';
import { sampleEvents } from '@novita-webhooks/testing';
import { describe, expect, test } from 'vitest';

import { codeOf, setUp, track } from './helpers.ts';
import { createRequestRuntime } from './request-clock.ts';

const never = () => new Promise<never>(() => undefined);

/** A receiver in a runtime where no timer fires after the request in which it was set. */
function setUpRequests(options: Partial<ReceiverOptions> = {}, runtime = createRequestRuntime()) {
  const { clock } = runtime;
  const setup = setUp({ insecure: true, handlers: { concurrency: 2 }, ...options }, clock);
  const body = (event: unknown) => ({
    ...{ method: 'POST', url: '/', headers: {} },
    body: JSON.stringify(event),
  });
  const handle = (event: unknown, waitUntil?: (work: Promise<unknown>) => void) =>
    setup.receiver.handle(body(event), { ephemeral: true, waitUntil });
  const image = (taskId: string) => sampleEvents.imageSucceeded({ taskId });
  return {
    ...setup,
    runtime,
    handle,
    deliver: (taskId: string) => runtime.request(() => handle(image(taskId))),
    send: (event: unknown) => runtime.request(() => handle(event)),
    disconnect: (event: unknown) => runtime.cutOff(() => handle(event)),
    image,
    entries: async () => {
      const { pending, running, done } = (await setup.receiver.stats()).inbox;
      return { pending, running, done };
    },
  };
}

/** Handlers of `slow…` tasks never end, until `isSlow` is set to false. */
function registerHandlers({ receiver }: Pick<ReturnType<typeof setUpRequests>, 'receiver'>) {
  const state = { isSlow: true, signals: [] as AbortSignal[] };
  receiver.onTaskSucceeded(async ({ task }, { signal }) => {
    if (!task.task_id.startsWith('slow') || !state.isSlow) return;
    state.signals.push(signal);
    await never();
  });
  return state;
}

/** Whether the signals were aborted when the reply was there. */
async function abortedAtReply(reply: Promise<WebhookReply>, signals: readonly AbortSignal[]) {
  const { status } = await reply;
  return { status, aborted: signals.map(({ aborted }) => aborted) };
}

describe('where timers end with their request', () => {
  test('slow handlers are aborted before their reply, and a fast event gets 200', async () => {
    const setup = setUpRequests();
    const { deliver, clock, entries } = setup;
    const state = registerHandlers(setup);
    const replies = ['slow-1', 'slow-2'].map((id) => abortedAtReply(deliver(id), state.signals));
    await clock.flush();
    await clock.advance(4000);
    expect(await Promise.all(replies)).toEqual([
      { status: 503, aborted: [true, expect.any(Boolean)] },
      { status: 503, aborted: [true, true] },
    ]);
    const fast = track(deliver('fast'));
    await clock.flush();
    expect(fast.value && codeOf(fast.value)).toBe('accepted');

    clock.skip(1000);
    state.isSlow = false;
    expect(codeOf(await deliver('slow-1'))).toBe('accepted');
    expect(await entries()).toEqual({ pending: 1, running: 0, done: 2 });
  });

  test('the next request ends attempts of requests that were cut off', async () => {
    const setup = setUpRequests();
    const { disconnect, deliver, image, clock, log } = setup;
    const state = registerHandlers(setup);
    for (const id of ['slow-1', 'slow-2', 'slow-3']) await disconnect(image(id));
    clock.skip(60_000);
    expect(codeOf(await deliver('fast'))).toBe('accepted');
    expect(state.signals.map(({ aborted }) => aborted)).toEqual([true, true]);
    clock.skip(1000);
    state.isSlow = false;
    for (const id of ['slow-1', 'slow-2', 'slow-3']) {
      expect(codeOf(await deliver(id))).toBe('accepted');
    }
    expect(log.messages('warn').join()).not.toMatch(/stood still/);
  });

  test('a waiting request that was cut off leaves the queue', async () => {
    const setup = setUpRequests({ handlers: { concurrency: 1 } });
    const { disconnect, deliver, image, clock } = setup;
    registerHandlers(setup);
    const slow = track(deliver('slow-1'));
    await clock.flush();
    await disconnect(image('waiting'));
    await clock.advance(4000);
    expect(slow.value?.status).toBe(503);
    clock.skip(2000);
    expect(codeOf(await deliver('fast'))).toBe('accepted');
  });

  test('the runtime may end waitUntil early', async () => {
    const setup = setUpRequests({ handlers: { concurrency: 1, timeoutMs: 60_000 } });
    const { runtime, deliver, image, clock, handle } = setup;
    const state = registerHandlers(setup);
    await runtime.cutOff(() => handle(image('slow-1'), () => undefined));
    clock.skip(65_000);
    expect(codeOf(await deliver('fast'))).toBe('accepted');
    expect(state.signals[0]?.aborted).toBe(true);
  });

  test('handlers of other events end before the reply, and are never all dropped', async () => {
    const { send, handle, runtime, receiver, clock } = setUpRequests();
    const ended: string[] = [];
    receiver.onOtherEvent(async ({ event_type: type }) => {
      if (type === 'HANGS') await never();
      await new Promise<void>((resolve) => clock.after(500, resolve));
      ended.push(type);
    });
    const reply = track(send({ event_type: 'QUICK', payload: {} }));
    await clock.flush();
    expect(reply.settled).toBe(false);
    await clock.advance(500);
    expect([reply.value?.status, ended]).toEqual([200, ['QUICK']]);
    const hangs = { event_type: 'HANGS', payload: {} };
    await runtime.cutOff(() => Promise.all(Array.from({ length: 1000 }, () => handle(hangs))));
    const late = track(send({ event_type: 'LATE', payload: {} }));
    await clock.flush();
    expect([late.value?.status, (await receiver.stats()).dropped]).toEqual([200, 1]);
    clock.skip(120_001);
    void send({ event_type: 'AGAIN', payload: {} });
    await clock.flush();
    await clock.advance(500);
    expect([ended.at(-1), (await receiver.stats()).dropped]).toEqual(['AGAIN', 1]);
  });

  test('expired entries are deleted by later requests', async () => {
    const runtime = createRequestRuntime();
    const { clock } = runtime;
    const inbox = memoryInbox({ clock, cleanupIntervalMs: 1000, retention: { doneMs: 500 } });
    const { receiver, deliver } = setUpRequests({ inbox }, runtime);
    receiver.onTaskSucceeded(() => undefined);
    const done = async () => (await receiver.stats()).inbox.done;
    await deliver('one');
    clock.skip(999);
    await deliver('two');
    expect(await done()).toBe(2);
    clock.skip(1);
    await deliver('three');
    await clock.flush();
    expect(await done()).toBe(2);
  });

  test("ack: 'accepted' without waitUntil warns that the event may be lost", async () => {
    const warnings = async (prepare: (setup: ReturnType<typeof setUpRequests>) => void) => {
      const setup = setUpRequests({ ack: 'accepted' });
      setup.receiver.onTaskSucceeded(() => undefined);
      prepare(setup);
      await setup.deliver('one');
      return setup.log.messages('warn');
    };
    expect(await warnings(() => undefined)).toEqual([expect.stringMatching(/waitUntil/)]);
    expect(await warnings(({ receiver }) => receiver.start())).toEqual([]);
  });

  test('handlers of a dead letter end before the reply', async () => {
    const { deliver, receiver, clock } = setUpRequests({ retry: { maxAttempts: 1 } });
    const letters: string[] = [];
    receiver.onTaskSucceeded(() => {
      throw new Error('no');
    });
    receiver.onDeadLetter(async ({ taskId }) => {
      await new Promise<void>((resolve) => clock.after(500, resolve));
      letters.push(taskId);
    });
    const reply = track(deliver('one'));
    await clock.flush();
    await clock.advance(500);
    expect([reply.value?.status, letters]).toEqual([503, ['one']]);
  });
});
