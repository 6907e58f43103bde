import assert from 'node:assert/strict';

import type { Inbox } from '@novita-webhooks/core';
import type { InboxCase, InboxSubject } from '../inbox-subject.ts';

/** A case with the inbox of another process, which is closed at the end. */
export interface SharedCase {
  readonly name: string;
  readonly run: (subject: InboxSubject, peer: Inbox) => Promise<void>;
}

/** @param missing why it is skipped where a subject has no such process */
export const toCase = (
  { name, run }: SharedCase,
  open: 'openPeer' | 'openSleeper',
  missing: string,
): InboxCase => ({
  name: `several processes: ${name}`,
  skip(subject) {
    if (!subject.inbox.capabilities.shared) return 'the inbox is not shared between processes';
    return subject[open] ? undefined : missing;
  },
  async run(subject) {
    const other = await subject[open]?.();
    assert.ok(other);
    try {
      await run(subject, other);
    } finally {
      await other.close();
    }
  },
});
