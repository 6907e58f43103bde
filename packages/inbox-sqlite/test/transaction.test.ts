import { createReceiver, type HandlerContext, type JsonObject } from '@novita-webhooks/core';
import { sampleEvents, signedDelivery, TEST_SECRET } from '@novita-webhooks/testing';
import { sqliteInbox, type SqliteDatabase } from '@novita-webhooks/inbox-sqlite';
import { expect, onTestFinished, test } from 'vitest';

import { presentDrivers } from './support/drivers.ts';
import { temporaryFile } from './support/temporary-files.ts';

type Handle = (context: HandlerContext<JsonObject, SqliteDatabase>) => unknown;

/** Runs a handler on one event; returns the entry's state and reason and the written lines. */
async function handleOne(handle: Handle) {
  const path = temporaryFile();
  const inbox = sqliteInbox({ path, driver: 'libsql' });
  const url = 'https://hooks.example.com/novita';
  const retry = { maxAttempts: 2, delay: () => 1 };
  const receiver = createReceiver({ url, secret: TEST_SECRET, inbox, retry });
  onTestFinished(() => receiver.close());
  receiver.onTaskSucceeded({ handlerName: 'peek' }, (_, context) =>
    context.transaction((db) => void db.exec('CREATE TABLE IF NOT EXISTS ledger (line TEXT)')),
  );
  receiver.onTaskSucceeded((_, context) => handle(context));
  const delivery = await signedDelivery(receiver, sampleEvents.imageSucceeded());
  expect((await receiver.handle(delivery)).status).toBe(200);
  receiver.start();
  const firstEntry = async () => (await inbox.list()).entries[0];
  await expect.poll(async () => (await firstEntry())?.state).toMatch(/done|dead/);
  const entry = await firstEntry();
  const rows = readRows(path, 'SELECT line FROM ledger') as { line: string }[];
  return { state: entry?.state, reason: entry?.reason, lines: rows.map(({ line }) => line) };
}

function readRows(path: string, sql: string): unknown[] {
  const [driver] = presentDrivers;
  const database = driver?.open(path);
  const rows = database?.prepare(sql).all() ?? [];
  database?.close();
  return rows;
}

const insert = (db: SqliteDatabase, line: string) =>
  db.prepare('INSERT INTO ledger VALUES (?)').run(line);

test('context.transaction: commits the writes of a handler with its success', async () => {
  const { state, lines } = await handleOne((context) =>
    context.transaction((db) => void insert(db, 'one')),
  );
  expect({ state, lines }).toEqual({ state: 'done', lines: ['one'] });
});

test('context.transaction: undoes the writes of a function that throws', async () => {
  const { state, reason, lines } = await handleOne((context) =>
    context.transaction((db) => {
      insert(db, 'one');
      throw new Error('it failed');
    }),
  );
  expect({ state, lines }).toEqual({ state: 'dead', lines: [] });
  expect(reason).toContain('it failed');
});

test('context.transaction: rejects an async function without running it', async () => {
  let runs = 0;
  const { state, reason, lines } = await handleOne((context) =>
    context.transaction(async (db) => {
      runs += 1;
      insert(db, 'one');
      await Promise.reject(new Error('rejected later'));
    }),
  );
  expect({ state, lines, runs }).toEqual({ state: 'dead', lines: [], runs: 0 });
  expect(reason).toContain('was called with an async function');
});

test('context.transaction: rejects a function that returns a promise', async () => {
  let runs = 0;
  const { state, reason, lines } = await handleOne((context) =>
    context.transaction((db) => {
      runs += 1;
      insert(db, 'one');
      return Promise.reject(new Error('rejected later'));
    }),
  );
  expect({ state, lines, runs }).toEqual({ state: 'dead', lines: [], runs: 1 });
  expect(reason).toContain('was called with an async function');
});

test('context.transaction: a failure that is not awaited fails the handler', async () => {
  const { state, reason } = await handleOne((context) => {
    void context.transaction(() => {
      throw new Error('it failed');
    });
  });
  expect(state).toBe('dead');
  expect(reason).toContain('it failed');
});

test.each(['COMMIT', 'ROLLBACK', 'COMMIT; BEGIN', 'ROLLBACK; BEGIN', 'COMMIT; SAVEPOINT a'])(
  'context.transaction: a function that runs %s does not count as succeeded',
  async (sql) => {
    let runs = 0;
    const { state, reason } = await handleOne((context) =>
      context.transaction((db) => {
        runs += 1;
        db.exec(sql);
      }),
    );
    expect({ state, runs }).toEqual({ state: 'dead', runs: 1 });
    expect(reason).toContain('ended the transaction');
  },
);

test('context.transaction: COMMIT and BEGIN before a throw fail the handler', async () => {
  const { state, reason, lines } = await handleOne((context) =>
    context.transaction((db) => {
      insert(db, 'one');
      db.exec('COMMIT; BEGIN');
      throw new Error('it failed');
    }),
  );
  expect({ state, lines }).toEqual({ state: 'dead', lines: ['one', 'one'] });
  expect(reason).toContain('it failed');
});

test('context.transaction: savepoints of the function work', async () => {
  const { state, lines } = await handleOne((context) =>
    context.transaction((db) => {
      insert(db, 'one');
      db.exec('SAVEPOINT own');
      insert(db, 'two');
      db.exec('ROLLBACK TO own; RELEASE own');
    }),
  );
  expect({ state, lines }).toEqual({ state: 'done', lines: ['one'] });
});

test('context.transaction: a function that commits by itself is not retried', async () => {
  let runs = 0;
  const { state, reason } = await handleOne((context) =>
    context.transaction((db) => {
      runs += 1;
      insert(db, 'one');
      db.exec('COMMIT');
    }),
  );
  expect({ state, runs }).toEqual({ state: 'dead', runs: 1 });
  expect(reason).toContain('ended the transaction');
});
