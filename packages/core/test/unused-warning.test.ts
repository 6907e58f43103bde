import { addOnlyInbox, type Receiver, type ReceiverOptions } from '@novita-webhooks/core';
import { toNodeHandler } from '@novita-webhooks/core/node';
import { createFakeInbox, sampleEvents } from '@novita-webhooks/testing';
import { expect, test } from 'vitest';

import { noop, setUp } from './helpers.ts';

/** What a receiver with a handler warns of in ten seconds. */
async function warningsOf(
  use: (receiver: Receiver) => unknown,
  options: Partial<ReceiverOptions> = {},
): Promise<string[]> {
  const { receiver, clock, log } = setUp({ onTaskSucceeded: noop, ...options });
  await use(receiver);
  await clock.advance(10_000);
  await receiver.close();
  expect(clock.timers()).toBe(0);
  return log.messages('warn').filter((text) => /nothing calls|no event can arrive/.test(text));
}

const sharedInbox = () => {
  const inbox = createFakeInbox();
  return { ...inbox, capabilities: { ...inbox.capabilities, durable: true, shared: true } };
};

test('receiver: warns once if handlers are registered and it is neither started nor mounted', async () => {
  const register = (receiver: Receiver) => receiver.onTaskFailed(noop);
  const expected = [expect.stringMatching(/^receiver: handlers .* Call receiver\.start\(\)/)];
  expect(await warningsOf(register)).toEqual(expected);
  expect(await warningsOf(register, { inbox: sharedInbox() })).toEqual(expected);
});

test.each(['createCallback', 'createCallbackUrl'] as const)(
  'receiver: warns that nothing calls its handlers while it runs, also after %s',
  async (method) => {
    const warnings = await warningsOf((receiver) => receiver[method]());
    expect(warnings).toEqual([expect.stringMatching(/only submits tasks needs no handlers\.$/)]);
  },
);

test('receiver: warns that no event can arrive in the memory inbox of a worker', async () => {
  const start = (receiver: Receiver) => receiver.start();
  expect(await warningsOf(start)).toEqual([expect.stringMatching(/memory inbox.* Pass a worker/)]);
  expect(await warningsOf(start, { inbox: sharedInbox() })).toEqual([]);
});

test.each<[string, (receiver: Receiver) => unknown, Partial<ReceiverOptions>?]>([
  ['is mounted', (receiver) => toNodeHandler(receiver)],
  ['was started and then mounted', (receiver) => (receiver.start(), toNodeHandler(receiver))],
  ['has no handler', noop, { onTaskSucceeded: undefined }],
  ['has a handler for progress alone', noop, { onTaskSucceeded: undefined, onTaskProgress: noop }],
  ['does not consume', noop, { inbox: sharedInbox(), consume: false }],
  [
    'has an add-only inbox',
    noop,
    { inbox: addOnlyInbox({ durable: true, add: () => Promise.resolve('added') }) },
  ],
  ['gives its inbox to a script', (receiver) => receiver.inbox.stats()],
  ['is closed', (receiver) => receiver.close()],
  [
    'handles deliveries without an adapter',
    (receiver) => receiver.handle({ method: 'GET', url: '/', headers: {}, body: '' }),
  ],
  [
    'processes events of a queue',
    (receiver) => receiver.processUnverified(sampleEvents.imageSucceeded()),
  ],
])('receiver: does not warn if it %s', async (_, use, options) => {
  expect(await warningsOf(use, options)).toEqual([]);
});
