import { createReceiver, memoryInbox, type Inbox } from '@novita-webhooks/core';
import { TEST_SECRET } from '@novita-webhooks/testing';
import { describe, expect, test } from 'vitest';

import { noop, setUp } from './helpers.ts';

const driverError = new Error('no route to postgres://app:hunter2@db.internal/hooks');
const fail = () => Promise.reject(driverError);

function failing(): Inbox {
  return { ...memoryInbox(), add: fail, get: fail, list: fail };
}

describe('an error of the inbox reaches callers redacted, with its cause', () => {
  test.each<[string, (receiver: ReturnType<typeof createReceiver>) => Promise<unknown>]>([
    ['result', (receiver) => receiver.result('task-1')],
    ['expect', (receiver) => receiver.expect('task-1')],
    ['submit', (receiver) => receiver.submit(() => 'task-1', { key: 'order-1' })],
    ['idle', (receiver) => receiver.idle()],
  ])('of %s()', async (method, call) => {
    const { receiver } = setUp({ inbox: failing() });
    receiver.onTaskFinished(noop);
    receiver.start();
    const error: unknown = await call(receiver).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'inbox_unavailable', cause: driverError });
    const { message } = error as Error;
    expect(message).toContain(`${method}: the inbox failed`);
    expect(message).not.toContain('hunter2');
  });
});

test.each<[string, unknown]>([
  ['a number', 500],
  ['a text', '500'],
  ['null', null],
  ['an unknown option', { graceMs: 500 }],
  ['a text as a time', { gracePeriodMs: '500' }],
])('close() refuses %s, and the receiver stays open', async (_name, options) => {
  const receiver = createReceiver({ secret: TEST_SECRET });
  const close = receiver.close(options as { gracePeriodMs: number });
  await expect(close).rejects.toMatchObject({ code: 'invalid_argument' });
  await receiver.close({ gracePeriodMs: 0 });
});
