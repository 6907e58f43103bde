// A worker that forgets start(): nothing keeps its process running.
import { createReceiver } from '@novita-webhooks/core';
import { sqliteInbox } from '@novita-webhooks/inbox-sqlite';

const worker = createReceiver({ inbox: sqliteInbox({ path: process.env['INBOX'] ?? '' }) });
worker.onTaskSucceeded(() => undefined);
