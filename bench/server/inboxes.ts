import { memoryInbox, pollingInbox, type Inbox } from '@novita-webhooks/core';
import { sqliteInbox } from '@novita-webhooks/inbox-sqlite';

import { openFull } from './open-full.ts';
import type { Subject } from './protocol.ts';
import { threadStore } from './thread-store.ts';

export async function createInbox(subject: Subject, path: string): Promise<Inbox> {
  switch (subject) {
    case 'memory':
      return memoryInbox();
    case 'sqlite':
      return sqliteInbox({ path, driver: 'libsql' });
    case 'full':
      return sqliteInbox({ database: openFull(path) });
    case 'thread':
      return pollingInbox(await threadStore(path));
  }
}
