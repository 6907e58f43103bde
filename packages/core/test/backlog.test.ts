import { createReceiver, memoryInbox } from '@novita-webhooks/core';
import { createTestEntry, TEST_SECRET } from '@novita-webhooks/testing';
import { expect, test } from 'vitest';

const ENTRIES = 2000;

const nextTurn = () => new Promise<void>((resolve) => void setImmediate(resolve));

async function fill(entries: number) {
  const inbox = memoryInbox();
  for (let index = 0; index < entries; index += 1) {
    await inbox.add(createTestEntry({ taskId: `task-${index}` }));
  }
  return inbox;
}

test('a backlog: timers and requests get their turn while handlers that never wait run', async () => {
  const inbox = await fill(ENTRIES);
  let handled = 0;
  const receiver = createReceiver({ secret: TEST_SECRET, logger: false, inbox });
  receiver.onTaskFinished(() => void (handled += 1));
  receiver.start();
  await nextTurn();
  expect(handled).toBeGreaterThan(0);
  expect(handled).toBeLessThan(ENTRIES);
  await receiver.idle({ timeoutMs: 60_000 });
  expect(handled).toBe(ENTRIES);
  await receiver.close();
});

test('a handler that fails is not repeated for ever within one turn, also without a delay', async () => {
  const inbox = await fill(1);
  let attempts = 0;
  const retry = { maxAttempts: ENTRIES, delay: () => 0 };
  const receiver = createReceiver({ secret: TEST_SECRET, logger: false, inbox, retry });
  receiver.onTaskFinished(() => {
    attempts += 1;
    throw new Error('no');
  });
  receiver.start();
  await nextTurn();
  expect(attempts).toBeGreaterThan(0);
  expect(attempts).toBeLessThan(ENTRIES);
  await receiver.close({ gracePeriodMs: 0 });
});
