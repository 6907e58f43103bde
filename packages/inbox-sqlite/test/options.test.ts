import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

import type { NewEntry } from '@novita-webhooks/core';
import { sqliteInbox, sqliteStore, type SqliteDatabase } from '@novita-webhooks/inbox-sqlite';
import Database from 'libsql';
import { describe, expect, onTestFinished, test } from 'vitest';

import { temporaryFile, temporaryFolder } from './support/temporary-files.ts';

const driver = 'libsql';

const entryOf = (taskId: string): NewEntry => ({
  endpoint: 'novita',
  taskId,
  status: 'TASK_STATUS_SUCCEED',
  body: '{}',
  schemaError: null,
  metadata: {},
  testMode: false,
  receivedAt: 0,
});

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

describe('refused at once, with what to pass instead', () => {
  const invalid = (options: unknown) =>
    expect(() => sqliteInbox(options as Parameters<typeof sqliteInbox>[0]));

  test.each([
    ['neither path nor database', {}],
    ['both', { path: 'a.db', database: {} }],
    ['a path that is no text', { path: 1 }],
    ['an empty path', { path: '' }],
    ['memory', { path: ':memory:' }],
    ['a URI', { path: 'file:a.db' }],
    ['a path that ends with a space', { path: 'a.db ' }],
    ['a database that is null', { database: null }],
    ['a database that is none', { database: {} }],
    ['no patience', { path: 'a.db', busyTimeoutMs: 0 }],
    ['patience that is no number', { path: 'a.db', busyTimeoutMs: NaN }],
  ])('%s', (_, options) => {
    invalid(options).toThrow(
      expect.objectContaining({ code: 'invalid_option', message: expect.any(String) as string }),
    );
  });

  test('a connection that is closed', () => {
    const database = new Database(temporaryFile());
    database.close();
    invalid({ database }).toThrow(expect.objectContaining({ code: 'invalid_option' }));
  });

  test('a connection whose numbers are BigInt', () => {
    const database = new Database(temporaryFile());
    onTestFinished(() => void database.close());
    database.defaultSafeIntegers();
    invalid({ database }).toThrow(/not as BigInt/);
  });

  test('a connection to a file of a newer version', async () => {
    const path = temporaryFile();
    await sqliteStore({ path, driver }).close();
    const database = openDatabase(path);
    database.exec('INSERT INTO novita_migrations VALUES (99)');
    invalid({ database }).toThrow(/has version 99/);
  });
});

describe("the caller's own connection", () => {
  test('goes on after a VACUUM has made the file smaller', async () => {
    const database = openDatabase();
    const store = sqliteStore({ database });
    for (let index = 0; index < 300; index += 1) {
      await store.add({ ...entryOf(`task-${index}`), body: 'x'.repeat(5000) });
    }
    for (const { taskId } of (await store.list({ limit: 300 })).entries) {
      await store.discard({ endpoint: 'novita', taskId });
    }
    database.exec('VACUUM; PRAGMA wal_checkpoint(TRUNCATE)');
    await store.add(entryOf('first')).catch(() => undefined); // notices it, if nothing else did
    expect(await store.add(entryOf('next'))).toBe('added');
  });
});

describe('a path with a symbolic link in it', () => {
  test('a linked file that is deleted while in use is put back where it was', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'link.db');
    mkdirSync(join(folder, 'real'));
    symlinkSync(join(folder, 'real', 'webhooks.db'), path);
    const store = openStore(path);
    await store.add(entryOf('one'));
    rmSync(join(folder, 'real', 'webhooks.db'));
    await store.add(entryOf('two')).catch(() => undefined);
    await store.close();
    const found = await openStore(path).get(entryOf('one'));
    expect(found?.taskId).toBe('one');
  });
});
