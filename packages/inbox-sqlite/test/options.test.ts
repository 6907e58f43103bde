import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

import { createTestEntry } from '@novita-webhooks/testing';
import { sqliteInbox, sqliteStore, type SqliteDatabase } from '@novita-webhooks/inbox-sqlite';
import Database from 'libsql';
import { describe, expect, onTestFinished, test } from 'vitest';

import { temporaryFile, temporaryFolder } from './support/temporary-files.ts';

const driver = 'libsql';

function openStore(path: string) {
  const store = sqliteStore({ path, driver });
  onTestFinished(() => store.close());
  return store;
}

function openDatabase(path: string = temporaryFile()): SqliteDatabase {
  const database = new Database(path) as SqliteDatabase;
  onTestFinished(() => void database.close());
  return database;
}

describe('sqliteInbox rejects', () => {
  const expectOpening = (options: unknown) =>
    expect(() => sqliteInbox(options as Parameters<typeof sqliteInbox>[0]));

  test.each([
    ['neither path nor database', {}],
    ['both', { path: 'a.db', database: {} }],
    ['a path that is not a string', { path: 1 }],
    ['an empty path', { path: '' }],
    ['a database in memory', { path: ':memory:' }],
    ['a URI', { path: 'file:a.db' }],
    ['an address of the command line', { path: 'sqlite:a.db' }],
    ['a path that ends with a space', { path: 'a.db ' }],
    ['a database that is null', { database: null }],
    ['a database without methods', { database: {} }],
    ['a busyTimeoutMs of 0', { path: 'a.db', busyTimeoutMs: 0 }],
    ['a busyTimeoutMs that is not a number', { path: 'a.db', busyTimeoutMs: NaN }],
  ])('%s', (_, options) => {
    expectOpening(options).toThrow(
      expect.objectContaining({
        code: 'invalid_option',
        message: expect.stringMatching(
          /^inbox-sqlite: (path|database|busyTimeoutMs|options): .*\.$/,
        ) as string,
      }),
    );
  });

  test('unknown options, and names all that it knows', () => {
    const message = /^inbox-sqlite: pth is unknown\. Known: path, .*retention/;
    expectOpening({ pth: 'a.db' }).toThrow(
      expect.objectContaining({ message: expect.stringMatching(message) as string }),
    );
  });

  test('a closed connection', () => {
    const database = new Database(temporaryFile());
    database.close();
    expectOpening({ database }).toThrow(expect.objectContaining({ code: 'invalid_option' }));
  });

  test('a connection that returns BigInt', () => {
    const database = new Database(temporaryFile());
    onTestFinished(() => void database.close());
    database.defaultSafeIntegers();
    expectOpening({ database }).toThrow(/not as BigInt/);
  });
});

test('sqliteStore rejects the first use of a file that a newer release has migrated', async () => {
  const path = temporaryFile();
  await openStore(path).stats();
  const database = openDatabase(path);
  database.exec('INSERT INTO novita_migrations VALUES (99)');
  await expect(sqliteStore({ database }).stats()).rejects.toThrow(/schema version 99/);
});

describe("sqliteStore with the caller's connection", () => {
  test('keeps working after a VACUUM has made the file smaller', async () => {
    const database = openDatabase();
    const store = sqliteStore({ database });
    for (let index = 0; index < 300; index += 1) {
      await store.add(createTestEntry({ taskId: `task-${index}`, body: 'x'.repeat(5000) }));
    }
    for (const { taskId } of (await store.list({ limit: 300 })).entries) {
      await store.discardEntries([{ endpoint: 'novita', taskId }]);
    }
    database.exec('VACUUM; PRAGMA wal_checkpoint(TRUNCATE)');
    await Promise.resolve(store.add(createTestEntry({ taskId: 'first' }))).catch(() => undefined); // detects the smaller file, if no earlier operation did
    expect(await store.add(createTestEntry({ taskId: 'next' }))).toBe('added');
  });
});

describe('sqliteStore with a symbolic link as path', () => {
  test('restores a deleted file at the target of the link', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'link.db');
    mkdirSync(join(folder, 'real'));
    symlinkSync(join(folder, 'real', 'webhooks.db'), path);
    const store = openStore(path);
    await store.add(createTestEntry({ taskId: 'one' }));
    rmSync(join(folder, 'real', 'webhooks.db'));
    await Promise.resolve(store.add(createTestEntry({ taskId: 'two' }))).catch(() => undefined);
    await store.close();
    const found = await openStore(path).get(createTestEntry({ taskId: 'one' }));
    expect(found?.taskId).toBe('one');
  });
});
