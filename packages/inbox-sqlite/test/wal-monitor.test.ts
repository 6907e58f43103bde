import type { Logger } from '@novita-webhooks/core';
import { sqliteStore } from '@novita-webhooks/inbox-sqlite';
import { createTestEntry } from '@novita-webhooks/testing';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { findDriver } from '../src/driver/find-driver.ts';
import { temporaryFolder } from './support/temporary-files.ts';

const MIB = 1024 * 1024;
const BODY = JSON.stringify('x'.repeat(4 * MIB));
const WARNING =
  /^inbox-sqlite: .*inbox\.db-wal has grown to \d+ MiB, because a connection .*\. Find the process/;

describe('sqliteStore while a reader stays open', () => {
  let path = '';
  let now = 0;

  beforeEach(() => {
    path = join(temporaryFolder(), 'inbox.db');
    const startedAt = performance.now();
    vi.spyOn(performance, 'now').mockImplementation(() => startedAt + now);
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  function open() {
    const warnings: string[] = [];
    const warn = (_: object, message: string) => void warnings.push(message);
    const log: Logger = { debug: vi.fn(), info: vi.fn(), warn, error: vi.fn() };
    const store = sqliteStore({ path });
    store.open?.(log);
    return { store, warnings };
  }

  /** Adds events of 4 MiB, one per second of the clock of the test. */
  async function add(store: ReturnType<typeof sqliteStore>, events: number): Promise<void> {
    for (let n = 0; n < events; n += 1) {
      now += 1001;
      await store.add(createTestEntry({ body: BODY }));
    }
  }

  test('warns once a minute with the size of the -wal file and the cure', async () => {
    const { store, warnings } = open();
    await add(store, 1);
    const reader = findDriver()(path);
    reader.exec('BEGIN');
    reader.prepare('SELECT count(*) AS n FROM novita_events').all();
    await add(store, 20);
    expect(statSync(`${path}-wal`).size).toBeGreaterThan(64 * MIB);
    expect(warnings).toEqual([expect.stringMatching(WARNING)]);
    now += 60_000;
    await add(store, 1);
    expect(warnings).toHaveLength(2);
    reader.exec('COMMIT');
    reader.close();
    now += 60_000;
    await add(store, 1);
    expect(warnings).toHaveLength(2); // the file is still large, but nothing blocks it
    await store.close();
  });

  test('does not warn without a reader', async () => {
    const { store, warnings } = open();
    await add(store, 21);
    expect(warnings).toEqual([]);
    await store.close();
  });
});
