import assert from 'node:assert/strict';

import type { EntryProcessor } from '@novita-webhooks/core';

import { createTestEntry } from '../../samples/create-test-entry.ts';
import { stateOf } from '../entry/entry-port.ts';
import type { InboxCase, InboxSubject } from './inbox-subject.ts';
import { eventually, untilDone, untilState } from './support/eventually.ts';
import { createHeldProcessor } from './support/held-processor.ts';
import { addAndSettle, done, startConsumer } from './support/start-consumer.ts';

const HOUR_MS = 3_600_000;
const RETRY_MS = 3000;

/** Runs an attempt in two processes, if the inbox is shared, while the clock is set. */
async function jumpDuringAttempt(subject: InboxSubject, ms: number): Promise<void> {
  const entry = createTestEntry();
  await subject.inbox.add(entry);
  const held = createHeldProcessor();
  startConsumer(subject, held.run);
  await eventually(subject, 'running', () => held.entries.length === 1);
  const peer = await subject.openPeer?.();
  if (peer) startConsumer({ inbox: peer }, held.run);
  await subject.jump?.(ms);
  for (let quarter = 0; quarter < 12; quarter += 1) {
    await subject.advance(subject.leaseDurationMs / 4);
  }
  assert.equal(held.entries.length, 1);
  assert.equal((await subject.inbox.get(entry))?.attempts, 1, 'no process has claimed it again');
  held.finish(done);
  await untilState(subject, entry, 'done');
}

/** A retry whose delay begins before the clock is set. */
async function jumpBeforeRetry(subject: InboxSubject, ms: number): Promise<void> {
  const attempts: number[] = [];
  const run: EntryProcessor = async (entry) => {
    attempts.push(entry.attempts);
    if (entry.attempts > 1) return done;
    return { type: 'retry', delayMs: RETRY_MS, reason: 'not yet', succeededHandlers: [] };
  };
  const entry = createTestEntry();
  await subject.inbox.add(entry);
  const first = startConsumer(subject, run);
  await untilState(subject, entry, 'pending');
  await eventually(subject, 'attempted', () => attempts.length === 1);
  await first.stop({ gracePeriodMs: 1000 });
  await subject.jump?.(ms);
  // A process that starts after the jump: it must agree with the one that stored the retry.
  const peer = (await subject.openPeer?.()) ?? subject.inbox;
  startConsumer({ inbox: peer }, run);
  await subject.advance(RETRY_MS / 3);
  assert.deepEqual(attempts, [1], 'the retry is not early');
  await untilDone(subject, 1);
}

const byHours = (
  name: string,
  run: (subject: InboxSubject, ms: number) => Promise<void>,
): readonly InboxCase[] => [
  { name: `${name} when the clock is set forward`, run: (subject) => run(subject, HOUR_MS) },
  { name: `${name} when the clock is set back`, run: (subject) => run(subject, -HOUR_MS) },
];

const runningCases = byHours('clock: a running entry stays with its worker', jumpDuringAttempt);

/** An entry that is due before the clock is set, and is claimed after it. */
async function jumpBeforeClaim(subject: InboxSubject, ms: number): Promise<void> {
  const entry = createTestEntry();
  await subject.inbox.add(entry);
  await subject.jump?.(ms);
  const { entries, readAt } = await subject.inbox.list();
  assert.ok((entries[0]?.dueAt ?? Infinity) <= readAt, 'it is due when it is listed');
  startConsumer(subject, async () => done);
  await untilState(subject, entry, 'done');
}

const steadyCases: readonly InboxCase[] = [
  ...byHours('clock: a retry keeps its delay', jumpBeforeRetry),
  ...byHours('clock: an entry that waits stays due', jumpBeforeClaim),
  {
    name: 'clock: entries that wait have no lag when the clock is set forward',
    async run(subject) {
      await subject.inbox.add(createTestEntry());
      await subject.jump?.(HOUR_MS);
      const { lagMs } = await subject.inbox.stats();
      assert.ok(lagMs < HOUR_MS / 2, `${lagMs} ms`);
    },
  },
  {
    name: 'clock: a finished entry is not deleted early when the clock is set forward',
    async run(subject) {
      const entry = await addAndSettle(subject, done);
      await subject.jump?.(10 * (subject.retention?.doneMs ?? 0));
      startConsumer(subject, async () => done);
      await subject.advance((subject.retention?.doneMs ?? 0) / 2);
      assert.equal(await stateOf(subject.inbox, entry), 'done');
    },
  },
];

/** The clock that the inbox uses is set: by NTP, by an operator, or when a machine is resumed. */
export const clockJumpCases: readonly InboxCase[] = [
  ...runningCases.map(skipUnless(({ inbox }) => inbox.capabilities.confirmsTakeover === true)),
  ...steadyCases.map(skipUnless(({ inbox }) => inbox.capabilities.steadyTime === true)),
];

function skipUnless(isPromised: (subject: InboxSubject) => boolean) {
  return (inboxCase: InboxCase): InboxCase => ({
    ...inboxCase,
    skip(subject) {
      if (!isPromised(subject)) return 'the due times of the inbox follow a clock that can be set';
      return subject.jump ? undefined : 'the subject has no jump';
    },
  });
}
