import {
  createReceiver,
  PermanentError,
  systemClock,
  type StandardSchema,
} from '@novita-webhooks/core';
import {
  createManualClock,
  createTestReceiver,
  deliver,
  sampleEvents,
  signedDelivery,
  TEST_SECRET,
} from '@novita-webhooks/testing';
import { expect, expectTypeOf, test, vi } from 'vitest';

const succeeded = sampleEvents.imageSucceeded();

test('deliver: resolves with the entry when the handlers have succeeded', async () => {
  const onTaskSucceeded = vi.fn();
  const receiver = createTestReceiver({ onTaskSucceeded });
  const entry = await deliver(receiver, succeeded, { metadata: { orderId: 42 } });
  expect(onTaskSucceeded).toHaveBeenCalledOnce();
  expect(onTaskSucceeded.mock.lastCall?.[1]).toMatchObject({ metadata: { orderId: 42 } });
  expect(entry).toMatchObject({ state: 'done', attempts: 1 });
});

test('deliver: runs handlers that are registered later, and finds the entry of another endpoint', async () => {
  const receiver = createTestReceiver({ endpoint: 'videos' });
  const onTaskFailed = vi.fn();
  receiver.onTaskFailed(onTaskFailed);
  expect(await deliver(receiver, sampleEvents.failed())).toMatchObject({ endpoint: 'videos' });
  expect(onTaskFailed).toHaveBeenCalledOnce();
});

test('deliver: rejects with the error of the handler as cause', async () => {
  const error = new PermanentError('no such order');
  const receiver = createTestReceiver({ onTaskSucceeded: () => Promise.reject(error) });
  const delivered = deliver(receiver, succeeded);
  await expect(delivered).rejects.toMatchObject({
    code: 'handler_failed',
    cause: error,
    outcome: { type: 'dead' },
  });
});

test('createTestReceiver: no timer keeps the process running', async () => {
  const after = vi.spyOn(systemClock, 'after');
  const onTaskSucceeded = vi.fn();
  const receiver = createTestReceiver({ onTaskSucceeded });
  await receiver.handle(await signedDelivery(receiver, succeeded));
  await vi.waitUntil(() => onTaskSucceeded.mock.calls.length === 1);
  expect(after.mock.calls.length).toBeGreaterThan(0);
  expect(after.mock.calls.filter(([, , options]) => options?.background !== true)).toEqual([]);
  after.mockRestore();
});

test('deliver: brings the result of a task that was submitted, with the metadata of submit', async () => {
  const onTaskSucceeded = vi.fn();
  const receiver = createTestReceiver({ onTaskSucceeded });
  await receiver.submit(() => 'task-1', { metadata: { orderId: 42 } });
  const event = sampleEvents.imageSucceeded({ taskId: 'task-1' });
  expect(await deliver(receiver, event)).toMatchObject({ state: 'done' });
  expect(onTaskSucceeded.mock.lastCall?.[1]).toMatchObject({ metadata: { orderId: 42 } });
  const wrong = receiver.submit('task-2' as never);
  await expect(wrong).rejects.toThrow('pass a function that submits the task');
});

test.each<[unknown, object | undefined, string]>([
  [null, undefined, 'the event must be an object'],
  ['{}', undefined, 'the event must be an object'],
  [sampleEvents.failed, undefined, 'the event must be an object'],
  [succeeded, { meta: { orderId: 42 } }, 'meta'],
  [succeeded, 5 as never, 'Call it as deliver(receiver, event, { metadata })'],
])('deliver: refuses the event %s with the options %j', async (wrong, options, message) => {
  const receiver = createTestReceiver();
  await expect(deliver(receiver, wrong, options as never)).rejects.toThrow(message);
});

test('deliver: a repeat is not handled, also after a failure', async () => {
  const onTaskSucceeded = vi.fn(() => Promise.reject(new Error('the shop is down')));
  const receiver = createTestReceiver({ onTaskSucceeded, clock: createManualClock() });
  await expect(deliver(receiver, succeeded)).rejects.toThrow('the shop is down');
  expect(await deliver(receiver, succeeded)).toMatchObject({ state: 'pending' });
  expect(onTaskSucceeded).toHaveBeenCalledOnce();
});

test('deliver: a manual clock runs the retry', async () => {
  const clock = createManualClock();
  const onTaskSucceeded = vi.fn().mockRejectedValueOnce(new Error('the shop is down'));
  const receiver = createTestReceiver({ onTaskSucceeded, clock });
  await expect(deliver(receiver, succeeded)).rejects.toThrow('the shop is down');
  await clock.advance(10 * 60_000);
  expect(onTaskSucceeded).toHaveBeenCalledTimes(2);
});

test('deliver: resolves without an entry for events that are no result', async () => {
  const onOtherEvent = vi.fn();
  const onTaskProgress = vi.fn();
  const receiver = createTestReceiver({ onOtherEvent, onTaskProgress });
  expect(await deliver(receiver, sampleEvents.other())).toBeUndefined();
  expect(await deliver(receiver, sampleEvents.queued())).toBeUndefined();
  expect(onOtherEvent).toHaveBeenCalledOnce();
  expect(onTaskProgress).toHaveBeenCalledOnce();
});

test('deliver: rejects with the reply if the receiver refuses the delivery', async () => {
  const delivered = deliver(createTestReceiver(), { event_type: 5 });
  await expect(delivered).rejects.toThrow(/^deliver: the receiver replied 422: ./);
});

test('deliver: rejects a receiver that createTestReceiver has not made', async () => {
  const receiver = createReceiver({ secret: TEST_SECRET, logger: false });
  await expect(deliver(receiver, succeeded)).rejects.toThrow(/createTestReceiver\(\)/);
});

test('createTestReceiver, deliver: know the type of the metadata', async () => {
  interface Order {
    readonly orderId: number;
  }
  const validate = (value: unknown) => ({ value: value as Order });
  const metadata: StandardSchema<Order> = { '~standard': { version: 1, validate } };
  const receiver = createTestReceiver({
    metadata,
    onTaskSucceeded: (_, context) => expectTypeOf(context.metadata).toEqualTypeOf<Order>(),
  });
  await deliver(receiver, succeeded, { metadata: { orderId: 42 } });
  // @ts-expect-error: a text is no number
  await deliver(receiver, succeeded, { metadata: { orderId: '42' } });
  // @ts-expect-error: orderId is required
  await deliver(receiver, succeeded);
  const typed = createTestReceiver<Order>();
  typed.onTaskFailed((_, context) => expectTypeOf(context.metadata).toEqualTypeOf<Order>());
  // @ts-expect-error: the inbox is in memory
  createTestReceiver({ inbox: typed.inbox });
});
