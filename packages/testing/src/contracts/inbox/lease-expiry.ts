import assert from 'node:assert/strict';

import type { Inbox, NewEntry, Outcome } from '@novita-webhooks/core';
import { createTestEntry } from '../../samples/create-test-entry.ts';
import { toCase, type SharedCase } from './support/shared-case.ts';
import {
  consume,
  done,
  eventually,
  holdRuns,
  stateOf,
  type InboxCase,
  type InboxSubject,
} from './inbox-subject.ts';

interface Overslept {
  readonly settled: readonly string[];
  wake(outcome: Outcome): void;
  stop(): Promise<void>;
}

/** An entry that a worker has begun, and sleeps over. */
async function overslept(
  subject: InboxSubject,
  sleeper: Inbox,
  entry: NewEntry,
): Promise<Overslept> {
  const held = holdRuns();
  const settled: string[] = [];
  await sleeper.add(entry);
  const consumption = consume({ inbox: sleeper }, held.run, {
    onSettled: ({ taskId }) => void settled.push(taskId),
  });
  await eventually(subject, 'begun', () => held.entries.length === 1);
  return { settled, wake: held.finish, stop: () => consumption.stop({ gracePeriodMs: 0 }) };
}

const takenOver: SharedCase = {
  name: 'who sleeps past its lease is relieved, and its outcome does not count',
  async run(subject, sleeper) {
    const entry = createTestEntry();
    const { wake, settled, stop } = await overslept(subject, sleeper, entry);
    const held = holdRuns();
    const consumption = consume(subject, held.run);
    const isTaken = () => held.entries.length === 1;
    await eventually(subject, 'taken over', isTaken, subject.leaseDurationMs / 20);
    assert.equal(held.entries[0]?.attempts, 2);
    wake({ type: 'dead', reason: 'of the sleeper', succeededHandlers: [] });
    for (let part = 0; part < 4; part += 1) await subject.advance(25);
    assert.equal(await stateOf(subject.inbox, entry), 'running');
    assert.deepEqual(settled, []);
    held.finish(done);
    const isDone = async () => (await stateOf(subject.inbox, entry)) === 'done';
    await eventually(subject, 'done', isDone);
    await consumption.stop({ gracePeriodMs: 1000 });
    await stop();
  },
};

/** What becomes of an entry whose worker stands still. */
export const sleeping: readonly InboxCase[] = [
  toCase(takenOver, 'openSleeper', 'the subject cannot put a process to sleep'),
];
