import assert from 'node:assert/strict';

import type { EntryProcessor, Inbox, Outcome } from '@novita-webhooks/core';
import { createTestEntry } from '../../samples/create-test-entry.ts';
import { toCase, type SharedCase } from './support/shared-case.ts';
import {
  consume,
  done,
  eventually,
  holdRuns,
  settleAs,
  stateOf,
  type InboxCase,
} from './inbox-subject.ts';

const addMany = (count: number, to: Inbox) =>
  Promise.all(
    Array.from({ length: count }, async () => {
      const entry = createTestEntry();
      await to.add(entry);
      return entry;
    }),
  );

const cases: readonly SharedCase[] = [
  {
    name: 'what another process added is a duplicate, and can be looked up',
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
    name: 'of copies that come to several at the same time one is added',
    async run({ inbox }, peer) {
      for (let round = 0; round < 20; round += 1) {
        const entry = createTestEntry();
        const doors = Array.from({ length: 10 }, (_, index) => (index % 2 === 0 ? inbox : peer));
        const answers = await Promise.all(doors.map((door) => door.add(entry)));
        assert.equal(answers.filter((answer) => answer === 'added').length, 1);
      }
      assert.equal((await inbox.stats()).pending, 20);
    },
  },
  {
    name: 'a process that only takes events leaves them to others',
    async run(subject, peer) {
      const entries = await addMany(5, peer);
      const consumption = consume(subject, async () => done);
      await eventually(subject, 'all done', async () => (await peer.stats()).done === 5);
      for (const entry of entries) assert.equal(await stateOf(peer, entry), 'done');
      await consumption.stop({ gracePeriodMs: 1000 });
    },
  },
  {
    name: 'each entry is run by one of them, once',
    async run(subject, peer) {
      const runs: string[] = [];
      const run: EntryProcessor = async ({ taskId }) => {
        runs.push(taskId);
        await Promise.resolve();
        return done;
      };
      const both = [consume(subject, run), consume({ inbox: peer }, run)];
      const entries = [...(await addMany(40, subject.inbox)), ...(await addMany(40, peer))];
      await eventually(subject, 'all done', async () => (await peer.stats()).done === 80);
      const ids = entries.map(({ taskId }) => taskId).sort();
      assert.deepEqual([...runs].sort(), ids);
      await Promise.all(both.map((one) => one.stop({ gracePeriodMs: 1000 })));
    },
  },
  {
    name: 'while one runs an entry, no other does',
    async run(subject, peer) {
      const here = holdRuns();
      const there = holdRuns();
      const entry = createTestEntry();
      await peer.add(entry);
      const first = consume(subject, here.run);
      await eventually(subject, 'running', () => here.entries.length === 1);
      const second = consume({ inbox: peer }, there.run);
      for (let part = 0; part < 8; part += 1) await subject.advance(subject.leaseDurationMs / 4);
      assert.equal(there.entries.length, 0);
      assert.equal(await peer.discard(entry), false);
      assert.equal(await peer.replay(entry), false);
      here.finish(done);
      await eventually(subject, 'done', async () => (await stateOf(peer, entry)) === 'done');
      await first.stop({ gracePeriodMs: 1000 });
      await second.stop({ gracePeriodMs: 1000 });
    },
  },
  {
    name: 'what one gives back when it stops is run by another, as the same attempt',
    async run(subject, peer) {
      const entry = createTestEntry();
      await subject.inbox.add(entry);
      let begun = false;
      const leaving = consume(subject, (_, signal) => {
        begun = true;
        const released: Outcome = { type: 'released', delayMs: 0, succeededHandlers: ['one'] };
        return new Promise((resolve) => signal.addEventListener('abort', () => resolve(released)));
      });
      await eventually(subject, 'running', () => begun);
      const held = holdRuns();
      const staying = consume({ inbox: peer }, held.run);
      const stopped = leaving.stop({ gracePeriodMs: 0 });
      await eventually(subject, 'taken over', () => held.entries.length === 1);
      await stopped;
      assert.deepEqual(
        [held.entries[0]?.attempts, held.entries[0]?.succeededHandlers],
        [1, ['one']],
      );
      held.finish(done);
      await eventually(subject, 'done', async () => (await stateOf(peer, entry)) === 'done');
      await staying.stop({ gracePeriodMs: 1000 });
    },
  },
  {
    name: 'what one replays another runs, and what one discards is gone for all',
    async run(subject, peer) {
      const entry = await settleAs(subject, done);
      const held = holdRuns();
      const consumption = consume(subject, held.run);
      assert.equal(await peer.replay(entry), true);
      await eventually(subject, 'run again', () => held.entries.length === 1);
      held.finish(done);
      await eventually(subject, 'done', async () => (await stateOf(peer, entry)) === 'done');
      assert.equal(await peer.discard(entry), true);
      assert.equal(await subject.inbox.get(entry), undefined);
      await consumption.stop({ gracePeriodMs: 1000 });
    },
  },
  {
    name: 'closing one is no matter to the others',
    async run(subject, peer) {
      await peer.add(createTestEntry());
      await peer.close();
      const consumption = consume(subject, async () => done);
      await subject.inbox.add(createTestEntry());
      const bothDone = async () => (await subject.inbox.stats()).done === 2;
      await eventually(subject, 'both done', bothDone);
      await consumption.stop({ gracePeriodMs: 1000 });
    },
  },
];

/** What holds between processes that share an inbox. */
export const sharing: readonly InboxCase[] = [
  ...cases.map((one) => toCase(one, 'openPeer', 'the subject cannot be opened twice')),
];
