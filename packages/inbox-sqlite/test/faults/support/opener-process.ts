import { createTestEntry } from '@novita-webhooks/testing';
import { sqliteInbox } from '@novita-webhooks/inbox-sqlite';

/** Opens each file whose path arrives, adds one entry, and sends back the result. */
process.on('message', (path: string) => {
  const inbox = sqliteInbox({ path, driver: 'libsql' });
  const taskId = `task-of-${process.pid}`;
  inbox.add(createTestEntry({ taskId })).then(
    (result) => process.send?.(result),
    (error: unknown) => process.send?.(String(error)),
  );
});
process.send?.('ready');
