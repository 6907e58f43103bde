import assert from 'node:assert/strict';

import type { DiscardManyResult, EntryFilter, ReplayManyResult } from '@novita-webhooks/core';

import { createTestEntry } from '../../samples/create-test-entry.ts';
import { stateOf } from '../entry/entry-port.ts';
import type { InboxCase } from './inbox-subject.ts';
import { addAndSettle, addMany, dead, deadBecause, done } from './support/start-consumer.ts';

/** Stops a bulk call after its first batch, as a crash does, and returns where it was. */
async function interrupt<Result extends { readonly cursor: string | null }>(
  run: (onProgress: (result: Result) => void) => Promise<Result>,
): Promise<string | undefined> {
  let last: Result | undefined;
  const crash = new Error('crash');
  const running = run((result) => {
    if (last !== undefined) throw crash; // the batch is done, and its cursor is not saved
    last = result;
  });
  await assert.rejects(running, crash);
  return last?.cursor ?? undefined;
}

const DEAD: EntryFilter = { states: ['dead'] };

/** `replayMany` and `discardMany`. */
export const actOnManyCases: readonly InboxCase[] = [
  {
    name: 'replayMany: replays all entries that match, and no other',
    async run(subject) {
      const { inbox } = subject;
      const wanted = await addMany(subject, 3, deadBecause('HTTP 503 for order 1'));
      const others = [
        await addAndSettle(subject, deadBecause('no such file')),
        await addAndSettle(subject, done),
      ];
      const filter = { ...DEAD, errorGroup: 'HTTP 503 for order <n>' };
      const result = await inbox.replayMany(filter);
      assert.deepEqual(result, { matched: 3, replayed: 3, skipped: 0, cursor: null });
      for (const entry of wanted) assert.equal(await stateOf(inbox, entry), 'pending');
      const states = await Promise.all(others.map((entry) => stateOf(inbox, entry)));
      assert.deepEqual(states, ['dead', 'done']);
      assert.equal((await inbox.replayMany(filter)).matched, 0);
    },
  },
  {
    name: 'replayMany: skips pending entries, and says how many',
    async run(subject) {
      const pending = createTestEntry();
      await addMany(subject, 1, dead);
      await subject.inbox.add(pending);
      const result = await subject.inbox.replayMany({ endpoint: 'novita' });
      assert.deepEqual(result, { matched: 2, replayed: 1, skipped: 1, cursor: null });
    },
  },
  {
    name: 'replayMany: a limit ends it, and its cursor continues with the next entries',
    async run(subject) {
      const { inbox } = subject;
      await addMany(subject, 3, dead);
      const first = await inbox.replayMany(DEAD, { limit: 2 });
      assert.deepEqual([first.matched, first.replayed], [2, 2]);
      assert.equal((await inbox.stats()).dead, 1);
      const cursor = first.cursor ?? '';
      const second = await inbox.replayMany(DEAD, { cursor });
      assert.deepEqual(second, { matched: 1, replayed: 1, skipped: 0, cursor: null });
    },
  },
  {
    name: 'replayMany: resumed after a crash, it replays each entry of its set once',
    async run(subject) {
      const { inbox } = subject;
      const set = await addMany(subject, 3, dead);
      const cursor = await interrupt<ReplayManyResult>((onProgress) =>
        inbox.replayMany(DEAD, { limit: 2, onProgress }),
      );
      await subject.advance(1000);
      for (const entry of set) {
        if ((await stateOf(inbox, entry)) === 'pending') await addAndSettle(subject, dead);
      }
      const late = await addAndSettle(subject, dead); // enters the filter meanwhile
      await inbox.replayMany(DEAD, { cursor });
      for (const entry of set) assert.equal((await inbox.get(entry))?.replays, 1);
      assert.equal((await inbox.get(late))?.replays, 0);
    },
  },
  {
    name: 'discardMany: deletes all entries that match, and no other; resumed, the same set',
    async run(subject) {
      const { inbox } = subject;
      const set = await addMany(subject, 3, dead);
      const kept = await addAndSettle(subject, done);
      const cursor = await interrupt<DiscardManyResult>((onProgress) =>
        inbox.discardMany(DEAD, { limit: 2, onProgress }),
      );
      await subject.advance(1000);
      const late = await addAndSettle(subject, dead);
      const rest = await inbox.discardMany(DEAD, { cursor });
      assert.deepEqual(rest, { matched: 1, discarded: 1, skipped: 0, cursor: null });
      for (const entry of set) assert.equal(await inbox.get(entry), undefined);
      assert.equal(await stateOf(inbox, kept), 'done');
      assert.equal(await stateOf(inbox, late), 'dead');
    },
  },
];
