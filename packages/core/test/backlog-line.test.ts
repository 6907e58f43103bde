import {
  createReceiver,
  addOnlyInbox,
  type Entry,
  type EntryPage,
  type EntryQuery,
  type EntryState,
  type Inbox,
  type ReceiverOptions,
} from '@novita-webhooks/core';
import {
  createFakeInbox,
  createTestEntry,
  sampleEvents,
  signedDelivery,
  TEST_SECRET,
} from '@novita-webhooks/testing';
import { expect, onTestFinished, test } from 'vitest';

import { deferred, ENDPOINT, noop, setUp, type Setup } from './helpers.ts';

type Counts = Partial<Record<EntryState, number>>;

/** A durable inbox with these entries of the endpoint. */
function inboxWith(counts: Counts, endpoint = 'novita'): Inbox {
  const inbox = createFakeInbox();
  const capabilities = { ...inbox.capabilities, durable: true, shared: true };
  const list: Inbox['list'] = (query) => Promise.resolve(pageOf(counts, endpoint, query));
  return { ...inbox, capabilities, list };
}

function pageOf(counts: Counts, endpoint: string, query: EntryQuery = {}): EntryPage {
  const { states = [], limit = 100 } = query;
  const isWanted = query.endpoint === undefined || query.endpoint === endpoint;
  const one = createTestEntry() as Entry;
  const all = states.flatMap((state) =>
    Array<Entry>(isWanted ? (counts[state] ?? 0) : 0).fill(one),
  );
  const cursor = all.length > limit ? '1' : null;
  return { entries: all.slice(0, limit), cursor, scanned: all.length, readAt: 0 };
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
  [{ pending: 100 }, WAITING],
])('start: says that a durable inbox holds %j', async (counts, message) => {
  const details = { pending: 0, running: 0, dead: 0, ...counts };
  expect(await linesAfterStart({ inbox: inboxWith(counts) })).toEqual([[message, details]]);
});

test('start: counts no more than 100 entries of a state', async () => {
  const details = { pending: '100 or more', running: 0, dead: 0 };
  const lines = await linesAfterStart({ inbox: inboxWith({ pending: 101 }) });
  expect(lines).toEqual([[WAITING, details]]);
});

test.each<[string, Partial<ReceiverOptions>]>([
  ['entries of other endpoints', { inbox: inboxWith({ pending: 1, dead: 1 }, 'images') }],
  ['an empty inbox', { inbox: inboxWith({}) }],
  ['the memory inbox', {}],
  ['an inbox that other processes handle', { inbox: inboxWith({ pending: 1 }), consume: false }],
  [
    'an inbox that fails',
    { inbox: { ...inboxWith({}), list: () => Promise.reject(new Error('refused')) } },
  ],
  [
    'an inbox that throws',
    {
      inbox: {
        ...inboxWith({}),
        list() {
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
  const page = deferred<EntryPage>();
  const inbox = { ...inboxWith({}), list: () => page.promise };
  const setup = started({ inbox });
  expect(await setup.deliver(sampleEvents.imageSucceeded())).toMatchObject({ status: 200 });
  await setup.receiver.close();
  page.resolve(pageOf({ pending: 1 }, 'novita', { states: ['pending'] }));
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
