import assert from 'node:assert/strict';

import type { Inbox } from '@novita-webhooks/core';

import type { InboxCase, InboxSubject } from '../inbox-subject.ts';

/** A case with two processes: the subject's inbox, and the same inbox opened again. */
export interface SharedCase {
  readonly name: string;
  readonly run: (subject: InboxSubject, peer: Inbox) => Promise<void>;
}

/**
 * Converts to an inbox case that opens the second inbox. The contract closes it at the end.
 *
 * @param open the method of the subject that opens the second inbox
 * @param missing the reason to skip the case if the subject has no such method
 */
export const toInboxCase = (
  { name, run }: SharedCase,
  open: 'openPeer' | 'openSleeper',
  missing: string,
): InboxCase => ({
  name: `shared: ${name}`,
  skip(subject) {
    if (!subject.inbox.capabilities.shared) return 'the inbox is not shared between processes';
    return subject[open] ? undefined : missing;
  },
  async run(subject) {
    const peer = await subject[open]?.();
    assert.ok(peer);
    await run(subject, peer);
  },
});
