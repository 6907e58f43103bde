import {
  createReceiver,
  addOnlyInbox,
  type Inbox,
  type ReceiverOptions,
} from '@novita-webhooks/core';
import {
  createFakeInbox,
  sampleEvents,
  signedDelivery,
  TEST_SECRET,
} from '@novita-webhooks/testing';
import { expect, onTestFinished, test } from 'vitest';

import { deferred, ENDPOINT, noop, setUp, type Setup } from './helpers.ts';

/** A durable inbox with these entries. */
function inboxWith(counts: { pending?: number; running?: number; dead?: number }): Inbox {
  const inbox = createFakeInbox();
  const stats = { expected: 0, pending: 0, running: 0, done: 7, dead: 0, lagMs: 0, ...counts };
  const capabilities = { ...inbox.capabilities, durable: true, shared: true };
  return { ...inbox, capabilities, stats: () => Promise.resolve(stats) };
}

function started(options: Partial<ReceiverOptions>): Setup {
  const setup = setUp({ onTaskFinished: noop, ...options });
  onTestFinished(() => setup.receiver.close());
  setup.receiver.start();
  return setup;
}

const linesOf = ({ log }: Setup) =>
  log.lines
    .filter(({ level }) => level === 'info')
    .map(({ message, details }) => [message, details]);

/** What is logged at `info` after the line of the start. */
async function linesAfterStart(options: Partial<ReceiverOptions>): Promise<unknown[]> {
  const setup = started(options);
  await setup.clock.flush();
  const [first, ...others] = linesOf(setup);
  expect(first?.[0]).toBe('receiver: started');
  return others;
}

const WAITING = 'receiver: the inbox holds entries from before.';
const TAKEOVER =
  'A running one of a process that died is taken over when its lease has ended, by default within 60 s.';
const DEAD = 'Dead ones wait for inbox.replay().';

test.each([
  [{ pending: 3 }, WAITING],
  [{ running: 2 }, `${WAITING} ${TAKEOVER}`],
  [{ dead: 1 }, `${WAITING} ${DEAD}`],
  [{ pending: 3, running: 2, dead: 1 }, `${WAITING} ${TAKEOVER} ${DEAD}`],
])('start: says that a durable inbox holds %j', async (counts, message) => {
  const details = { pending: 0, running: 0, dead: 0, ...counts };
  expect(await linesAfterStart({ inbox: inboxWith(counts) })).toEqual([[message, details]]);
});

test.each<[string, Partial<ReceiverOptions>]>([
  ['an empty inbox', { inbox: inboxWith({}) }],
  ['the memory inbox', {}],
  ['an inbox that other processes handle', { inbox: inboxWith({ pending: 1 }), consume: false }],
  [
    'an inbox that fails',
    { inbox: { ...inboxWith({}), stats: () => Promise.reject(new Error('refused')) } },
  ],
  [
    'an inbox that throws',
    {
      inbox: {
        ...inboxWith({}),
        stats() {
          throw new Error('no');
        },
      },
    },
  ],
  [
    'an add-only inbox',
    { inbox: addOnlyInbox({ durable: true, add: () => Promise.resolve('added') }) },
  ],
])('start: says nothing more of %s', async (_, options) => {
  expect(await linesAfterStart(options)).toEqual([]);
});

test('start: does not wait for the counts, and a closed receiver does not print them', async () => {
  const counts = deferred<Awaited<ReturnType<Inbox['stats']>>>();
  const inbox = { ...inboxWith({}), stats: () => counts.promise };
  const setup = started({ inbox });
  expect(await setup.deliver(sampleEvents.imageSucceeded())).toMatchObject({ status: 200 });
  await setup.receiver.close();
  counts.resolve({ expected: 0, pending: 1, running: 0, done: 0, dead: 0, lagMs: 0 });
  await setup.clock.flush();
  expect(linesOf(setup)).toHaveLength(1);
});

test('start: counts before this process claims an entry', async () => {
  const fake = createFakeInbox();
  const inbox = { ...fake, capabilities: { ...fake.capabilities, durable: true, shared: true } };
  const web = createReceiver({ url: ENDPOINT, secret: TEST_SECRET, inbox, consume: false });
  await web.handle(await signedDelivery(web, sampleEvents.imageSucceeded()));
  const details = { pending: 1, running: 0, dead: 0 };
  expect(await linesAfterStart({ inbox })).toEqual([[WAITING, details]]);
});
