import assert from 'node:assert/strict';

import type { EntryProcessor, Inbox, NewEntry } from '@novita-webhooks/core';

import { createTestEntry } from '../../samples/create-test-entry.ts';
import { createBoundTokenId } from '../entry/bound-token.ts';
import { stateOf } from '../entry/entry-port.ts';
import type { InboxCase } from './inbox-subject.ts';
import { eventually, untilDone, untilState } from './support/eventually.ts';
import { createHeldProcessor, createReleasingProcessor } from './support/held-processor.ts';
import { toInboxCase, type SharedCase } from './support/shared-case.ts';
import { addAndSettle, done, startConsumer } from './support/start-consumer.ts';

const addMany = (count: number, inbox: Inbox): Promise<NewEntry[]> =>
  Promise.all(
    Array.from({ length: count }, async () => {
      const entry = createTestEntry();
      await inbox.add(entry);
      return entry;
    }),
  );

const cases: readonly SharedCase[] = [
  {
    name: 'an entry added by another process is a duplicate and can be read',
    async run({ inbox }, peer) {
      const entry = createTestEntry();
      assert.equal(await peer.add(entry), 'added');
      assert.equal(await inbox.add(entry), 'duplicate');
      assert.equal((await inbox.get(entry))?.taskId, entry.taskId);
      assert.equal((await inbox.list()).entries.length, 1);
      assert.equal((await inbox.stats()).pending, 1);
    },
  },
  {
    name: 'of concurrent copies in two processes, exactly one is added',
    async run({ inbox }, peer) {
      for (let round = 0; round < 20; round += 1) {
        const entry = createTestEntry();
        const inboxes = Array.from({ length: 10 }, (_, index) => (index % 2 === 0 ? inbox : peer));
        const results = await Promise.all(inboxes.map((one) => one.add(entry)));
        assert.equal(results.filter((result) => result === 'added').length, 1);
      }
      assert.equal((await inbox.stats()).pending, 20);
    },
  },
  {
    name: 'of concurrent tasks with one bound token in two processes, exactly one is added',
    async run({ inbox }, peer) {
      if (inbox.capabilities.bindsTokens !== true) return;
      for (let round = 0; round < 20; round += 1) {
        const [tokenId, other] = [createBoundTokenId(), createBoundTokenId()];
        const adds = Array.from({ length: 10 }, (_, index) =>
          (index % 2 === 0 ? inbox : peer).add(
            createTestEntry({ tokenId: index % 3 === 0 ? other : tokenId }),
          ),
        );
        const answers = await Promise.all(adds);
        assert.equal(answers.filter((answer) => answer === 'added').length, 2);
        assert.equal(answers.filter((answer) => answer === 'other_task').length, 8);
      }
      assert.equal((await inbox.stats()).pending, 40);
    },
  },
  {
    name: 'a consumer processes entries added by another process',
    async run(subject, peer) {
      const entries = await addMany(5, peer);
      startConsumer(subject, async () => done);
      await untilDone(subject, 5, peer);
      for (const entry of entries) assert.equal(await stateOf(peer, entry), 'done');
    },
  },
  {
    name: 'with a consumer in each process, each entry is processed once',
    async run(subject, peer) {
      const runs: string[] = [];
      const run: EntryProcessor = async ({ taskId }) => {
        runs.push(taskId);
        await Promise.resolve();
        return done;
      };
      for (const inbox of [subject.inbox, peer]) startConsumer({ inbox }, run);
      const entries = [...(await addMany(40, subject.inbox)), ...(await addMany(40, peer))];
      await untilDone(subject, 80, peer);
      const taskIds = entries.map(({ taskId }) => taskId).sort();
      assert.deepEqual([...runs].sort(), taskIds);
    },
  },
  {
    name: 'no other process runs, discards or replays a running entry',
    async run(subject, peer) {
      const [own, other] = [createHeldProcessor(), createHeldProcessor()];
      const entry = createTestEntry();
      await peer.add(entry);
      startConsumer(subject, own.run);
      await eventually(subject, 'running', () => own.entries.length === 1);
      startConsumer({ inbox: peer }, other.run);
      for (let quarter = 0; quarter < 8; quarter += 1)
        await subject.advance(subject.leaseDurationMs / 4);
      assert.equal(other.entries.length, 0);
      assert.equal(await peer.discard(entry), false);
      assert.equal(await peer.replay(entry), false);
      own.finish(done);
      await untilState(subject, entry, 'done', peer);
    },
  },
  {
    name: 'an entry released at stop runs elsewhere as the same attempt',
    async run(subject, peer) {
      const entry = createTestEntry();
      await subject.inbox.add(entry);
      let started = false;
      const run = createReleasingProcessor(() => (started = true), ['one']);
      const leaving = startConsumer(subject, run);
      await eventually(subject, 'running', () => started);
      const held = createHeldProcessor();
      startConsumer({ inbox: peer }, held.run);
      const stopped = leaving.stop({ gracePeriodMs: 0 });
      await eventually(subject, 'taken over', () => held.entries.length === 1);
      await stopped;
      const [taken] = held.entries;
      assert.deepEqual([taken?.attempts, taken?.succeededHandlers], [1, ['one']]);
      held.finish(done);
      await untilState(subject, entry, 'done', peer);
    },
  },
  {
    name: 'replay and discard take effect in every process',
    async run(subject, peer) {
      const entry = await addAndSettle(subject, done);
      const held = createHeldProcessor();
      startConsumer(subject, held.run);
      assert.equal(await peer.replay(entry), true);
      await eventually(subject, 'running again', () => held.entries.length === 1);
      held.finish(done);
      await untilState(subject, entry, 'done', peer);
      assert.equal(await peer.discard(entry), true);
      assert.equal(await subject.inbox.get(entry), undefined);
    },
  },
  {
    name: 'closing the inbox in one process does not affect the others',
    async run(subject, peer) {
      await peer.add(createTestEntry());
      await peer.close();
      startConsumer(subject, async () => done);
      await subject.inbox.add(createTestEntry());
      await untilDone(subject, 2);
    },
  },
];

/** Requirements between processes that share an inbox. */
export const sharedCases: readonly InboxCase[] = cases.map((sharedCase) =>
  toInboxCase(sharedCase, 'openPeer', 'the subject has no openPeer'),
);
