import { memoryInbox, pollingInbox, type Inbox } from '@novita-webhooks/core';
import { sqliteInbox } from '@novita-webhooks/inbox-sqlite';

import { engines } from '../engines/index.ts';
import { openFull } from './open-full-sync.ts';
import type { Subject } from './protocol.ts';
import { threadStore } from './thread-store.ts';

export async function createInbox(subject: Subject, path: string): Promise<Inbox> {
  switch (subject) {
    case 'full':
      return sqliteInbox({ database: openFull(path) });
    case 'thread':
      return pollingInbox(await threadStore(path));
    case 'memory':
      return memoryInbox();
    case 'sqlite':
      return sqliteInbox({ path, driver: 'libsql' });
    default:
      return (await engines[subject].open(path)).inbox;
  }
}
