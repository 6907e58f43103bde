import { createReceiver, type HandlerContext } from '@novita-webhooks/core';
import { sampleEvents, signedDelivery, TEST_SECRET } from '@novita-webhooks/testing';
import { sqliteInbox, type SqliteDatabase } from '@novita-webhooks/inbox-sqlite';
import { expect, onTestFinished, test, vi } from 'vitest';

import { temporaryFile } from './support/temporary-files.ts';

type Handle = (context: HandlerContext<SqliteDatabase>) => unknown;

/** Handles one event, and says what has become of it and what was written. */
async function handleOne(handle: Handle) {
  const inbox = sqliteInbox({ path: temporaryFile(), driver: 'libsql' });
  const url = 'https://hooks.example.com/novita';
  const retry = { maxAttempts: 2, delay: () => 1 };
  const receiver = createReceiver({ url, secret: TEST_SECRET, inbox, retry });
  onTestFinished(() => receiver.close());
  let tx: SqliteDatabase | undefined;
  receiver.onTaskSucceeded({ handlerName: 'peek' }, (_, context) =>
    context.transaction((db) => {
      tx = db;
      db.exec('CREATE TABLE IF NOT EXISTS ledger (line TEXT)');
    }),
  );
  receiver.onTaskSucceeded((_, context) => handle(context));
  const delivery = await signedDelivery(receiver, sampleEvents.imageSucceeded());
  expect((await receiver.handle(delivery)).status).toBe(200);
  receiver.start();
  const settled = async () => (await inbox.list()).entries[0];
  await vi.waitFor(async () => expect((await settled())?.state).toMatch(/done|dead/));
  const entry = await settled();
  const rows = tx?.prepare('SELECT line FROM ledger').all() as { line: string }[];
  return { state: entry?.state, reason: entry?.reason, lines: rows.map(({ line }) => line) };
}

const insert = (db: SqliteDatabase, line: string) =>
  db.prepare('INSERT INTO ledger VALUES (?)').run(line);

test('what a handler writes and its success are one', async () => {
  const { state, lines } = await handleOne((context) =>
    context.transaction((db) => void insert(db, 'one')),
  );
  expect({ state, lines }).toEqual({ state: 'done', lines: ['one'] });
});

test('what throws leaves nothing, and is tried again', async () => {
  const { state, reason, lines } = await handleOne((context) =>
    context.transaction((db) => {
      insert(db, 'one');
      throw new Error('not today');
    }),
  );
  expect({ state, lines }).toEqual({ state: 'dead', lines: [] });
  expect(reason).toContain('not today');
});

test('an async function is refused before it runs', async () => {
  let runs = 0;
  const { state, reason, lines } = await handleOne((context) =>
    context.transaction(async (db) => {
      runs += 1;
      insert(db, 'one');
      await Promise.reject(new Error('lost in there'));
    }),
  );
  expect({ state, lines, runs }).toEqual({ state: 'dead', lines: [], runs: 0 });
  expect(reason).toContain('must not be async');
});

test('a function that returns a promise is refused, once, and its promise harms nobody', async () => {
  let runs = 0;
  const { state, reason, lines } = await handleOne((context) =>
    context.transaction((db) => {
      runs += 1;
      insert(db, 'one');
      return Promise.reject(new Error('lost in there'));
    }),
  );
  expect({ state, lines, runs }).toEqual({ state: 'dead', lines: [], runs: 1 });
  expect(reason).toContain('must not be async');
});

test('a transaction that nobody waits for and that fails is the failure of its handler', async () => {
  const { state, reason } = await handleOne((context) => {
    void context.transaction(() => {
      throw new Error('not today');
    });
  });
  expect(state).toBe('dead');
  expect(reason).toContain('not today');
});

test('a function that ends the transaction itself is not run again', async () => {
  let runs = 0;
  const { state, reason } = await handleOne((context) =>
    context.transaction((db) => {
      runs += 1;
      insert(db, 'one');
      db.exec('COMMIT');
    }),
  );
  expect({ state, runs }).toEqual({ state: 'dead', runs: 1 });
  expect(reason).toContain('was ended inside the function');
});
