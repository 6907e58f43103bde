// Uses an inbox, drops it without closing it, and runs the garbage collector.
import { createTestEntry } from '@novita-webhooks/testing';
import { sqliteInbox } from '@novita-webhooks/inbox-sqlite';
import { setImmediate } from 'node:timers/promises';

const [path = ''] = process.argv.slice(2);
await sqliteInbox({ path, driver: 'libsql' }).add(createTestEntry());
for (let turn = 0; turn < 10; turn += 1) {
  await setImmediate();
  globalThis.gc?.();
}
console.log('alive');
