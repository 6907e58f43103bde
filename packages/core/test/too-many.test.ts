import { toReceiver, type Receiver } from '@novita-webhooks/core';
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
  for (let count = 1; count <= 60; count += 1) receiver.onTaskSucceeded(() => noop());
  expect(log.messages('warn')).toEqual([
    expect.stringMatching(/^receiver: 50 handlers .* Register handlers once/),
  ]);
  await receiver.close();
});

type Register = (receiver: Receiver) => void;

const repeatedWarnings = ({ log }: ReturnType<typeof setUp>) =>
  log.messages('warn').filter((text) => text.includes('registered twice'));

test.each<[string, Register]>([
  ['for one event', (it) => it.onTaskSucceeded(noop)],
  ['for a part of the results', (it) => it.onTaskSucceeded({ media: 'images' }, noop)],
  ['with one handlerName', (it) => it.onTaskSucceeded({ handlerName: 'save' }, noop)],
  ['for finished tasks as well', (it) => it.onTaskFinished(noop)],
])('receiver: warns once of a function that is registered twice %s', (_, register) => {
  const setup = setUp({ onTaskSucceeded: noop });
  register(setup.receiver);
  setup.receiver.onTaskSucceeded(noop);
  expect(repeatedWarnings(setup)).toEqual([expect.stringMatching(/runs twice\. Register it once/)]);
});

test.each<[string, Register]>([
  ['onOtherEvent', (it) => it.onOtherEvent(noop)],
  ['onDeadLetter', (it) => it.onDeadLetter(noop)],
  ['onTaskProgress', (it) => it.onTaskProgress(noop)],
])('receiver: warns of a function that is registered twice with %s', (_, register) => {
  const setup = setUp();
  register(setup.receiver);
  expect(repeatedWarnings(setup)).toEqual([]);
  register(setup.receiver);
  expect(repeatedWarnings(setup)).toHaveLength(1);
});

test.each<[string, Register]>([
  ['other events', (it) => (it.onTaskFailed(noop), it.onTaskProgress(noop), it.onOtherEvent(noop))],
  [
    'other task types',
    (it) => {
      it.onTaskFailed({ taskType: ['TXT_TO_IMG', 'IMG_TO_IMG'] }, noop);
      it.onTaskFailed({ taskType: 'TXT_TO_VIDEO' }, noop);
    },
  ],
  [
    'other names',
    (it) => {
      it.onTaskFailed({ handlerName: 'one' }, noop);
      it.onTaskFailed({ handlerName: 'two' }, noop);
    },
  ],
])('receiver: does not warn of a function that is registered for %s', (_, register) => {
  const setup = setUp({ onTaskSucceeded: noop });
  register(setup.receiver);
  expect(repeatedWarnings(setup)).toEqual([]);
});
