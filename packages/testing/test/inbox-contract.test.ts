import { memoryStore, pollingInbox, type Inbox, type Store } from '@novita-webhooks/core';
import {
  createManualClock,
  inboxContract,
  runCase,
  type InboxSubject,
} from '@novita-webhooks/testing';
import { assert, expect, test } from 'vitest';

/** Says of every entry that it waits. So most cases fail while their consumers are running. */
const breakStates = (store: Store): Store => ({
  ...store,
  capabilities: { ...store.capabilities, shared: true },
  get: async (key) => {
    const entry = await store.get(key);
    return entry && { ...entry, state: 'pending' };
  },
  stats: async () => ({ ...(await store.stats()), done: -1 }),
});

/** An inbox of a class, as a user may write it, that knows what is running and open. */
class CountingInbox {
  readonly #inbox: Inbox;
  running = 0;
  isOpen = true;
  hasRun = false;

  constructor(inbox: Inbox) {
    this.#inbox = inbox;
    const methods = { ...inbox, consume: this.#consume.bind(this), close: this.#close.bind(this) };
    Object.assign(this, methods);
  }

  #consume(...args: Parameters<Inbox['consume']>): ReturnType<Inbox['consume']> {
    const consumer = this.#inbox.consume(...args);
    this.running += 1;
    this.hasRun = true;
    return {
      stop: async (options) => {
        await consumer.stop(options);
        this.running -= 1;
      },
    };
  }

  async #close(): Promise<void> {
    this.isOpen = false;
  }
}

function openBroken() {
  const clock = createManualClock();
  const store = breakStates(memoryStore({ clock }));
  const opened: CountingInbox[] = [];
  const open = () => {
    const inbox = new CountingInbox(pollingInbox(store, { clock }));
    opened.push(inbox);
    return inbox as unknown as Inbox;
  };
  const subject: InboxSubject = {
    inbox: open(),
    advance: (ms) => clock.advance(ms),
    leaseDurationMs: 30_000,
    retention: { doneMs: 2000, deadMs: 4000 },
    openPeer: open,
    openSleeper: open,
    jump: clock.jump,
  };
  return { subject, opened };
}

test.each([
  'consume: retries an entry until it is done, and counts the attempts',
  'lease: is extended while an attempt runs, so no second attempt begins',
  'shared: a consumer processes entries added by another process',
  'shared: the entry of a suspended process is taken over when its lease expires',
  'clock: a running entry stays with its worker when the clock is set back',
])('inboxContract: if it fails, no consumer and no inbox is left of %s', async (caseName) => {
  const contractCase = inboxContract.find(({ name }) => name === caseName);
  assert(contractCase);
  const { subject, opened } = openBroken();
  const close = () => subject.inbox.close();
  await expect(
    runCase(
      contractCase,
      () => subject,
      close,
      () => undefined,
    ),
  ).rejects.toMatchObject({ code: 'ERR_ASSERTION' });
  for (const { running, isOpen } of opened) expect([running, isOpen]).toEqual([0, false]);
  expect(opened.some(({ hasRun }) => hasRun)).toBe(true);
});

test('runCase: keeps the error of the case if its subject cannot be closed', async () => {
  const contractCase = { name: 'fails', run: () => Promise.reject(new Error('of the case')) };
  const close = () => Promise.reject(new Error('of close'));
  const run = runCase(
    contractCase,
    () => ({}),
    close,
    () => undefined,
  );
  await expect(run).rejects.toThrow('of the case');
});
