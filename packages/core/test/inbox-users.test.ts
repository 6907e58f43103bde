import { createReceiver, memoryInbox } from '@novita-webhooks/core';
import { TEST_SECRET } from '@novita-webhooks/testing';
import { expect, test } from 'vitest';

test('inbox users: close the inbox when the last of two receivers closes', async () => {
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
