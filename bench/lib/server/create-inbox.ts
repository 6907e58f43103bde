import { memoryInbox, pollingInbox, type Inbox } from '@novita-webhooks/core';
import { sqliteInbox } from '@novita-webhooks/inbox-sqlite';

import { engines } from '../engines/index.ts';
import { openFullSync } from './open-full-sync.ts';
import type { InboxName } from './protocol.ts';
import { threadStore } from './thread-store.ts';

export async function createInbox(name: InboxName, location: string): Promise<Inbox> {
  switch (name) {
    case 'full-sync':
      return sqliteInbox({ database: openFullSync(location) });
    case 'thread':
      return pollingInbox(await threadStore(location));
    case 'memory':
      return memoryInbox();
    case 'sqlite':
      return sqliteInbox({ path: location, driver: 'libsql' });
    default:
      return (await engines[name].open(location)).inbox;
  }
}
