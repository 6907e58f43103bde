// A connection that ends between a command and its answer: Redis has handed out a job that is not known.
import { Job, Worker } from 'bullmq';
import { describe, expect, onTestFinished, test, vi } from 'vitest';

import { findRedis } from '../../../test/support/services.ts';
import { createLostCalls } from '../src/bullmq/lost-calls.ts';
import type { EndpointQueue } from '../src/bullmq/queues.ts';
import {
  createTestEntry,
  stateOf,
  until,
  useConsumption,
  useInbox,
  usePlace,
  useStore,
} from './support/inbox.ts';

const url = (await findRedis('lost answers of the BullMQ inbox')) ?? '';
/** Longer than any test. */
const LONG_MS = 600_000;
const lost = new Error('the connection was closed');

describe.skipIf(url === '')('the answer is lost', () => {
  test.each([1, 3])('of a claim of %d: the next claim has the entries', async (limit) => {
    const { store, inbox } = open();
    for (let count = 0; count < 3; count += 1) await inbox.add(createTestEntry());
    loseAnswer();
    await expect(store.claim('novita', limit, LONG_MS)).rejects.toThrow();
    const claims = [...(await store.claim('novita', 2, LONG_MS))];
    expect(claims).toHaveLength(2);
    claims.push(...(await store.claim('novita', 3, LONG_MS)));
    expect(claims.map(({ attempts, isTakeover }) => [attempts, isTakeover])).toEqual(
      Array.from({ length: 3 }, () => [1, false]),
    );
    for (const claim of claims) expect(await store.settle(claim, { type: 'done' })).toBe(true);
  });

  test('of a claim that is given up: the next claim has the entry', async () => {
    const { store, inbox } = open({ commandTimeoutMs: 500 });
    await inbox.add(createTestEntry());
    loseAnswer(() => new Promise(() => undefined));
    await expect(store.claim('novita', 1, LONG_MS)).rejects.toThrow(/does not answer in time/);
    await until('connected again', () =>
      store.stats().then(
        () => true,
        () => false,
      ),
    );
    expect(await store.claim('novita', 1, LONG_MS)).toMatchObject([{ attempts: 1 }]);
  });

  test('of a job that was extended after it was taken: the next claim has the entry', async () => {
    const { store, inbox } = open();
    expect(await store.claim('novita', 1, LONG_MS - 1)).toEqual([]);
    await inbox.add(createTestEntry());
    onTestFinished(() => void vi.restoreAllMocks());
    vi.spyOn(Job.prototype, 'extendLock').mockRejectedValueOnce(lost);
    await expect(store.claim('novita', 1, LONG_MS)).rejects.toThrow();
    expect(await store.claim('novita', 1, LONG_MS)).toMatchObject([{ attempts: 1 }]);
  });

  test('of the wait for a job: the entry runs long before its lock ends', async () => {
    const { inbox } = open();
    const attempts: number[] = [];
    useConsumption(inbox, async (entry) => {
      attempts.push(entry.attempts);
      return { type: 'done' };
    });
    const first = createTestEntry();
    await inbox.add(first);
    await until('done', async () => (await stateOf(inbox, first)) === 'done');
    loseAnswer();
    const second = createTestEntry();
    await inbox.add(second);
    await until('done', async () => (await stateOf(inbox, second)) === 'done');
    expect(attempts).toEqual([1, 1]);
  });

  function open(options: { readonly commandTimeoutMs?: number } = {}) {
    const place = usePlace(url);
    const inbox = useInbox(url, place, { leaseDurationMs: LONG_MS });
    return { store: useStore(url, place, options), inbox };
  }
});

test('a call that fails while lost jobs are looked for is looked for as well', async () => {
  const fail = (token: string) =>
    expect(lostCalls.watch(token, () => Promise.reject(lost))).rejects.toBe(lost);
  let looks = 0;
  const queue = {
    async run() {
      looks += 1;
      if (looks === 1) await fail('the second');
      return [];
    },
  } as unknown as EndpointQueue;
  const lostCalls = createLostCalls(queue);
  await fail('the first');
  for (let calls = 0; calls < 3; calls += 1) await lostCalls.find(LONG_MS);
  expect(looks).toBe(2);
});

/** Lets Redis hand out one job whose answer is lost. */
function loseAnswer(lose = () => Promise.reject(lost)): void {
  const getNextJob = Worker.prototype.getNextJob;
  let isLost = false;
  onTestFinished(() => void vi.restoreAllMocks());
  vi.spyOn(Worker.prototype, 'getNextJob').mockImplementation(async function (
    this: Worker,
    ...args
  ) {
    const job = await getNextJob.apply(this, args);
    if (!isJob(job) || isLost) return job;
    isLost = true;
    return lose();
  });
}

/** BullMQ's type leaves out that there may be no job. */
const isJob = (job: Job | undefined): job is Job => job !== undefined;
