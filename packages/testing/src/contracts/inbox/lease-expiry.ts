import assert from 'node:assert/strict';

import { createTestEntry } from '../../samples/create-test-entry.ts';
import { stateOf } from '../entry/entry-port.ts';
import type { InboxCase } from './inbox-subject.ts';
import { eventually, untilState } from './support/eventually.ts';
import { createHeldProcessor } from './support/held-processor.ts';
import { toInboxCase, type SharedCase } from './support/shared-case.ts';
import { done, startConsumer } from './support/start-consumer.ts';

const takeover: SharedCase = {
  name: 'the entry of a suspended process is taken over when its lease expires',
  async run(subject, sleeper) {
    const entry = createTestEntry();
    const suspended = createHeldProcessor();
    const settledLate: string[] = [];
    await sleeper.add(entry);
    startConsumer({ inbox: sleeper }, suspended.run, {
      onSettled: ({ taskId }) => void settledLate.push(taskId),
    });
    await eventually(subject, 'running', () => suspended.entries.length === 1);

    const held = createHeldProcessor();
    startConsumer(subject, held.run);
    const isTaken = () => held.entries.length === 1;
    await eventually(subject, 'taken over', isTaken, subject.leaseDurationMs / 20);
    assert.equal(held.entries[0]?.attempts, 2);
    suspended.finish({ type: 'dead', reason: 'too late', succeededHandlers: [] });
    for (let step = 0; step < 4; step += 1) await subject.advance(25);
    assert.equal(await stateOf(subject.inbox, entry), 'running');
    assert.deepEqual(settledLate, []);
    held.finish(done);
    await untilState(subject, entry, 'done');
  },
};

/** What happens to the entry of a suspended process. */
export const leaseExpiryCases: readonly InboxCase[] = [
  toInboxCase(takeover, 'openSleeper', 'the subject has no openSleeper'),
];
