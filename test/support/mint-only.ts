// Creates a receiver with one kind of inbox, mints a callback URL, and does nothing else.
import { memoryInbox, createReceiver, type Inbox } from '@novita-webhooks/core';
import { bullmqInbox } from '@novita-webhooks/inbox-bullmq';
import { postgresInbox } from '@novita-webhooks/inbox-postgres';
import { sqliteInbox } from '@novita-webhooks/inbox-sqlite';
import { Pool } from 'pg';

const [engine = '', port = '', path = ''] = (process.env['MINT'] ?? '').split(' ');

const INBOXES: Readonly<Record<string, () => Inbox>> = {
  memory: () => memoryInbox(),
  sqlite: () => sqliteInbox({ path }),
  postgres: () =>
    postgresInbox({ pool: new Pool({ connectionString: `postgres://127.0.0.1:${port}/app` }) }),
  bullmq: () => bullmqInbox({ connection: `redis://127.0.0.1:${port}` }),
};
const inbox = INBOXES[engine]?.();
const receiver = createReceiver({
  url: 'https://example.com/webhooks/novita',
  secret: 'a secret of more than thirty-two characters',
  ...(inbox && { inbox }),
});
console.log(await receiver.createCallbackUrl({ metadata: { orderId: 42 } }));
