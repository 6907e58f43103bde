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
    name: 'import: names the line that is no entry, and keeps the lines before it',
    async run(subject) {
      const { inbox } = subject;
      await inbox.add(createTestEntry());
      const [line = ''] = await collect(inbox.export());
      const another = JSON.stringify({ ...(JSON.parse(line) as object), taskId: 'moved' });
      for (const broken of ['{"taskId":1}', '{"task', '[]', line.replace('pending', 'failed')]) {
        const importing = inbox.import([another, '', broken]);
        await assert.rejects(importing, { code: 'invalid_argument', message: /line 3 / });
      }
      assert.equal(await stateOf(inbox, { endpoint: 'novita', taskId: 'moved' }), 'pending');
    },
    skip: cannotImport,
  },
];
