import type { Claim, Logger } from '@novita-webhooks/core';
import { createTestEntry } from '@novita-webhooks/testing';
import { postgresStore } from '@novita-webhooks/inbox-postgres';
import type { Pool } from 'pg';
import { afterEach, describe, expect, test, vi } from 'vitest';

import { openPool, uniqueName, url } from './support/test-database.ts';

const LEASE_MS = 30_000;
/** Two letters that LATIN1 has, two that it lacks, an escape and a control character. */
const TEXT = 'né 世界 🎨 \\u4e16 \u0001';

describe.skipIf(url === undefined)('postgresStore in a database without UTF8', () => {
  const cleanUps: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  });

  async function openDatabase(encoding: string): Promise<Pool> {
    const owner = openPool({ max: 1 });
    cleanUps.push(() => owner.end());
    const name = uniqueName('test_encoding');
    await owner.query(`
      CREATE DATABASE ${name} ENCODING '${encoding}' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'`);
    cleanUps.push(() => owner.query(`DROP DATABASE ${name} WITH (FORCE)`));
    const address = new URL(url ?? '');
    address.pathname = `/${name}`;
    const pool = openPool({ connectionString: address.href });
    cleanUps.push(() => pool.end());
    return pool;
  }

  async function openStore(pool: Pool) {
    const warnings: string[] = [];
    const info = vi.fn();
    const warn = (_: object, message: string) => void warnings.push(message);
    const store = postgresStore({ pool, listen: false });
    store.open?.({ debug: vi.fn(), info, warn, error: vi.fn() } satisfies Logger);
    await store.stats(); // connects
    await expect.poll(() => info).toHaveBeenCalled();
    cleanUps.push(() => store.close());
    return { store, warnings };
  }

  test('stores any text unchanged with SQL_ASCII, and warns of nothing', async () => {
    const { store, warnings } = await openStore(await openDatabase('SQL_ASCII'));
    const entry = createTestEntry({
      taskId: TEXT,
      body: JSON.stringify({ text: TEXT }),
      metadata: { text: TEXT },
      schemaError: `images: ${TEXT}`,
    });
    expect(await store.add(entry)).toBe('added');
    expect(await store.add(entry)).toBe('duplicate');
    const [claim] = (await store.claim(entry.endpoint, 1, LEASE_MS)) as [Claim];
    await store.transaction?.(claim, TEXT, () => undefined);
    const dead = { type: 'dead', reason: TEXT, succeededHandlers: [] } as const;
    expect(await store.settle(claim, dead)).toBe(true);
    const { body, metadata, schemaError } = entry;
    expect(await store.get(entry)).toMatchObject({
      body,
      metadata,
      schemaError,
      reason: TEXT,
      succeededHandlers: [TEXT],
    });
    expect(warnings).toEqual([]);
  });

  test('rejects letters that LATIN1 lacks, warns at the start and names the cause', async () => {
    const { store, warnings } = await openStore(await openDatabase('LATIN1'));
    expect(await store.add(createTestEntry({ body: JSON.stringify('né') }))).toBe('added');
    await expect(store.add(createTestEntry({ body: JSON.stringify(TEXT) }))).rejects.toMatchObject({
      code: 'inbox_unavailable',
      message: expect.stringContaining('Check that the database has the encoding UTF8') as string,
    });
    expect(warnings).toEqual([
      'inbox-postgres: the database has the encoding LATIN1, so events with letters that it lacks get ' +
        '503. Use a database with UTF8.',
    ]);
  });
});
