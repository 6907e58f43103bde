import { createTestEntry } from '@novita-webhooks/testing';
import { sqliteStore, type SqliteDatabase } from '@novita-webhooks/inbox-sqlite';
import { describe, expect, onTestFinished, test } from 'vitest';

import { presentDrivers } from './support/drivers.ts';
import { temporaryFile } from './support/temporary-files.ts';

const LEASE_MS = 30_000;

describe.each(presentDrivers)('inbox-sqlite on $name', (driver) => {
  test.each([
    ['begins a transaction', (db: SqliteDatabase) => void db.exec('BEGIN')],
    [
      'begins a transaction with writes',
      (db: SqliteDatabase) => void db.exec('BEGIN; DELETE FROM novita_entries'),
    ],
    ['closes the connection', (db: SqliteDatabase) => void db.close()],
  ])('keeps working after a handler %s on it', async (_, misuse) => {
    const store = driver.use(() => sqliteStore({ path: temporaryFile(), driver: driver.name }));
    onTestFinished(() => store.close());
    const entry = createTestEntry();
    await store.add(entry);
    const [claim] = await store.claim('novita', 1, LEASE_MS);
    if (claim === undefined) throw new Error('nothing to claim');
    let leaked: SqliteDatabase | undefined;
    await store.transaction?.(claim, 'one', (tx) => void (leaked = tx));
    if (leaked !== undefined) misuse(leaked);
    expect(await store.add(createTestEntry())).toBe('added');
    expect(await store.settle(claim, { type: 'done' })).toBe(true);
    expect((await store.get(entry))?.state).toBe('done');
    expect((await store.stats()).done).toBe(1);
  });
});
