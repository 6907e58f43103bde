import { toReceiver } from '@novita-webhooks/core';
import { expect, test } from 'vitest';

import { noop, setUp } from './helpers.ts';

test('receiver: warns of the tenth open receiver of an endpoint', async () => {
  const setups = Array.from({ length: 12 }, () => setUp({ endpoint: 'for-each-request' }));
  const warnings = () =>
    setups.map(({ log }) =>
      log.messages('warn').filter((text) => text.includes('open in this process')),
    );
  for (const { receiver } of setups.slice(0, 9)) toReceiver(receiver);
  expect(warnings().flat()).toEqual([]);
  await setups[0]?.receiver.close();
  toReceiver(setups[9]?.receiver ?? {});
  expect(warnings().flat()).toEqual([]); // nine are open
  toReceiver(setups[10]?.receiver ?? {});
  toReceiver(setups[11]?.receiver ?? {});
  expect(warnings()[10]).toEqual([expect.stringMatching(/^receiver: 10 receivers .* Create one/)]);
  expect(warnings().flat()).toHaveLength(1);
  await Promise.all(setups.map(({ receiver }) => receiver.close()));
});

test('receiver: warns once of handlers that are registered again and again', async () => {
  const { receiver, log } = setUp();
  for (let count = 1; count <= 60; count += 1) receiver.onTaskSucceeded(noop);
  expect(log.messages('warn')).toEqual([
    expect.stringMatching(/^receiver: 50 handlers .* Register handlers once/),
  ]);
  await receiver.close();
});
