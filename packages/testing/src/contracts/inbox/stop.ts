import assert from 'node:assert/strict';

import type { NewEntry } from '@novita-webhooks/core';

import { createTestEntry } from '../../samples/create-test-entry.ts';
import { stateOf } from '../entry/entry-port.ts';
import type { InboxCase, InboxSubject } from './inbox-subject.ts';
import { eventually } from './support/eventually.ts';
import { createHeldProcessor, createReleasingProcessor } from './support/held-processor.ts';
import { done, startConsumer } from './support/start-consumer.ts';

/** `stop`: grace period, abort and release. */
export const stopCases: readonly InboxCase[] = [
  {
    name: 'stop: claims nothing more and waits for the running attempt',
    async run(subject) {
      const [first, second] = [createTestEntry(), createTestEntry()];
      await subject.inbox.add(first);
      const held = createHeldProcessor();
      const consumer = startConsumer(subject, held.run);
      await eventually(subject, 'running', () => held.entries.length === 1);
      const stopped = consumer.stop({ gracePeriodMs: 60_000 });
      await subject.inbox.add(second);
      await subject.advance(25);
      held.finish(done);
      await stopped;
      assert.equal(held.entries.length, 1);
      assert.equal(await stateOf(subject.inbox, first), 'done');
      assert.equal(await stateOf(subject.inbox, second), 'pending');
    },
  },
  {
    name: 'stop: after the grace period, aborts and releases without counting',
    async run(subject) {
      const entry = createTestEntry();
      await subject.inbox.add(entry);
      let started: AbortSignal | undefined;
      const run = createReleasingProcessor((signal) => (started = signal));
      const consumer = startConsumer(subject, run);
      await eventually(subject, 'running', () => started !== undefined);
      let isStopped = false;
      const stopped = consumer.stop({ gracePeriodMs: 100 }).then(() => (isStopped = true));
      await eventually(subject, 'stopped', () => isStopped);
      await stopped;
      assert.equal((started?.reason as { code: string }).code, 'closing');
      await untilReleased(subject, entry);
    },
  },
  {
    name: 'stop: does not wait for a handler that ignores its signal',
    async run(subject) {
      const entry = createTestEntry();
      await subject.inbox.add(entry);
      const held = createHeldProcessor();
      const consumer = startConsumer(subject, held.run);
      await eventually(subject, 'running', () => held.entries.length === 1);
      let isStopped = false;
      const stopped = consumer.stop({ gracePeriodMs: 50 }).then(() => (isStopped = true));
      await eventually(subject, 'stopped', () => isStopped);
      await stopped;
      await untilReleased(subject, entry);
    },
  },
];

/**
 * Waits until the lease was given back. An entry whose lease expires instead has one attempt. `stop`
 * waits a second for it, by the clock of the inbox, and a store may take longer by that clock.
 */
function untilReleased(subject: InboxSubject, entry: NewEntry): Promise<void> {
  return eventually(subject, 'released, without an attempt', async () => {
    const { state, attempts } = (await subject.inbox.get(entry)) ?? {};
    return state === 'pending' && attempts === 0;
  });
}
