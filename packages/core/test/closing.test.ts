import { createReceiver, memoryInbox, toReceiver } from '@novita-webhooks/core';
import { sampleEvents, TEST_SECRET } from '@novita-webhooks/testing';
import { expect, test } from 'vitest';

import { deferred, setUp, track } from './helpers.ts';

const event = sampleEvents.imageSucceeded();

test('an inbox that two receivers share is closed with the second one', async () => {
  let closed = 0;
  const inbox = { ...memoryInbox(), close: async () => void (closed += 1) };
  const [one, two] = ['one', 'two'].map((endpoint) =>
    createReceiver({ secret: TEST_SECRET, endpoint, inbox }),
  );
  await one?.close();
  expect(closed).toBe(0);
  await two?.close();
  expect(closed).toBe(1);
});

test('process is refused after close, and its handlers are aborted by it', async () => {
  const { receiver, clock } = setUp();
  const end = deferred();
  let signal: AbortSignal | undefined;
  receiver.onTaskSucceeded((_, context) => {
    signal = context.signal;
    return end.promise;
  });
  const processing = receiver.processUnverified(event).catch((error: unknown) => error);
  await clock.flush();
  const closed = receiver.close({ gracePeriodMs: 100 });
  await clock.advance(200);
  expect(signal?.reason).toMatchObject({ code: 'closing' });
  end.reject(new Error('aborted'));
  await clock.advance(5000);
  expect(await processing).toMatchObject({
    code: 'handler_failed',
    outcome: { type: 'released' },
  });
  await closed;
  await expect(receiver.processUnverified(event)).rejects.toMatchObject({ code: 'closing' });
});

test('a dead letter is told however much else is under way', async () => {
  const { receiver, settle, clock } = setUp();
  const letters: string[] = [];
  receiver.onOtherEvent(() => new Promise(() => undefined));
  receiver.onDeadLetter(({ taskId }) => letters.push(taskId));
  receiver.onTaskSucceeded(() => undefined);
  for (let index = 0; index < 1001; index += 1) {
    await receiver.processUnverified(sampleEvents.other());
  }
  await settle(sampleEvents.schemaError({ taskId: 'dead' }));
  await clock.flush();
  expect((await receiver.stats()).dropped).toBe(1);
  expect(letters).toEqual(['dead']);
});

test('what is neither a receiver nor options is named as such', () => {
  expect(() => toReceiver(undefined as never)).toThrow(/pass a receiver, or the options/);
});

test.each([
  { maxEntries: NaN },
  { maxBytes: -1 },
  { leaseDurationMs: '30' },
  { maxEntry: 5 },
  { retention: { doneMs: 0 } },
])('memoryInbox refuses %j', (options) => {
  expect(() => memoryInbox(options as never)).toThrow(
    expect.objectContaining({ code: 'invalid_option' }),
  );
});

test('replyTimeoutMs bounds the body as well', async () => {
  const { receiver, clock } = setUp({ limits: { replyTimeoutMs: 200, bodyTimeoutMs: 3000 } });
  async function* stalls() {
    yield '{';
    await new Promise(() => undefined);
  }
  const { url } = await receiver.createCallback();
  const reply = track(receiver.handle({ method: 'POST', url, headers: {}, body: stalls() }));
  await clock.advance(201);
  expect(reply.value?.status).toBe(408);
});
