import assert from 'node:assert/strict';

import { memoryInbox, type Inbox } from '@novita-webhooks/core';

import { createTestEntry } from '../../samples/create-test-entry.ts';
import { stateOf } from '../entry/entry-port.ts';
import type { InboxCase, InboxSubject } from './inbox-subject.ts';
import { collect } from './support/collect.ts';
import { addAndSettle, deadBecause, done } from './support/start-consumer.ts';

function cannotImport({ inbox }: InboxSubject): string | undefined {
  return inbox.capabilities.imports === true ? undefined : 'the inbox cannot import';
}

/** An inbox in memory whose time stands still. */
function memoryInboxAt(now: number): Inbox {
  return memoryInbox({ clock: { now: () => now, after: () => () => undefined } });
}

/** `export` and `import`. */
export const transferCases: readonly InboxCase[] = [
  {
    name: 'export and import: move every entry, and an import can be repeated',
    async run(subject) {
      const { inbox } = subject;
      const letter = await addAndSettle(subject, deadBecause('no such file'));
      const finished = await addAndSettle(subject, done);
      const waiting = createTestEntry();
      await inbox.add(waiting);
      const other = memoryInboxAt((await inbox.list()).readAt);
      assert.deepEqual(await other.import(inbox.export()), { added: 3, duplicates: 0 });
      assert.deepEqual(await other.import(inbox.export()), { added: 0, duplicates: 3 });
      const lines = await collect(other.export());
      assert.equal(await inbox.discard(letter), true);
      assert.deepEqual(await inbox.import(lines), { added: 1, duplicates: 2 });
      for (const entry of [letter, finished, waiting]) {
        const [mine, theirs] = [await inbox.get(entry), await other.get(entry)];
        assert.deepEqual({ ...mine, dueAt: null }, { ...theirs, dueAt: null });
      }
      await other.close();
    },
    skip: cannotImport,
  },
  {
    name: 'import: an entry that was damaged is a dead letter with the damage as its reason',
    async run({ inbox }) {
      const waiting = createTestEntry();
      await inbox.add(waiting);
      const [line = ''] = await collect(inbox.export());
      const entry = JSON.parse(line) as object;
      const damage = 'the stored metadata cannot be read';
      const moved = ['moved', 'finished'].map((taskId) => ({ ...entry, taskId, damage }));
      const lines = [moved[0], { ...moved[1], state: 'done' }].map((one) => JSON.stringify(one));
      assert.deepEqual(await inbox.import(lines), { added: 2, duplicates: 0 });
      const { endpoint } = waiting;
      const found = await inbox.get({ endpoint, taskId: 'moved' });
      assert.deepEqual([found?.state, found?.reason, found?.dueAt], ['dead', damage, null]);
      assert.equal(await stateOf(inbox, { endpoint, taskId: 'finished' }), 'done');
    },
    skip: cannotImport,
  },
  {
    name: 'import: names the line that is no entry, and keeps the lines before it',
    async run(subject) {
      const { inbox } = subject;
      await inbox.add(createTestEntry());
      const [line = ''] = await collect(inbox.export());
      const another = JSON.stringify({ ...(JSON.parse(line) as object), taskId: 'moved' });
      const deep = '{"a":'.repeat(20_000) + '1' + '}'.repeat(20_000);
      const withMetadata = (json: string) => line.replace('"metadata":{}', `"metadata":${json}`);
      const invalid = ['{"taskId":1}', '{"task', '[]', line.replace('pending', 'failed')];
      const hostile = [withMetadata(deep), withMetadata('{"__proto__":{"a":1}}'), 7, null];
      for (const broken of [...invalid, ...hostile]) {
        const importing = inbox.import([another, '', broken as string]);
        await assert.rejects(importing, { code: 'invalid_argument', message: /line 3 / });
      }
      assert.equal(await stateOf(inbox, { endpoint: 'novita', taskId: 'moved' }), 'pending');
    },
    skip: cannotImport,
  },
  {
    name: 'import: refuses one text and what is no list',
    async run({ inbox }) {
      for (const lines of ['{}', undefined, 7, {}]) {
        const importing = inbox.import(lines as never);
        await assert.rejects(importing, { code: 'invalid_argument', message: /export\(\)/ });
      }
    },
    skip: cannotImport,
  },
];
