import type { Entry, Inbox } from '@novita-webhooks/core';
import { createTestEntry } from '@novita-webhooks/testing';
import { postgresInbox, type PostgresInboxOptions } from '@novita-webhooks/inbox-postgres';
import { setTimeout as pause } from 'node:timers/promises';
import type { Pool, PoolClient, PoolConfig } from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { startTcpProxy } from '../../../test/support/tcp-proxy.ts';
import { dropSchema, openPool, uniqueName, url } from './support/test-database.ts';

const silence = () => undefined;
const LOG = { debug: silence, info: silence, warn: silence, error: silence };
/** Nothing that is found by polling is found in time. */
const NEVER_MS = 60_000;

/** @returns how many claims these pools have been asked for since then */
function watchForLooks(pools: readonly Pool[]): () => number {
  let looks = 0;
  for (const pool of pools) {
    const connect = pool.connect.bind(pool);
    pool.connect = async () => {
      const client = await connect();
      const query = client.query.bind(client) as (...args: unknown[]) => unknown;
      const count = (...args: unknown[]) => {
        if (JSON.stringify(args).includes('.claim(')) looks += 1;
        return query(...args);
      };
      return Object.assign(Object.create(client) as PoolClient, { query: count });
    };
  }
  return () => looks;
}

describe.skipIf(url === undefined)('notifications between processes on PostgreSQL', () => {
  let schema: string;
  let cleanUp: (() => Promise<unknown>)[];

  beforeEach(() => {
    schema = uniqueName('test_notifications');
    cleanUp = [];
  });
  afterEach(async () => {
    for (const each of cleanUp.toReversed()) await each();
    const pool = openPool();
    await dropSchema(pool, schema);
    await pool.end();
  });

  function open(config: PoolConfig = {}, options: Partial<PostgresInboxOptions> = {}) {
    const pool = openPool(config);
    const inbox = postgresInbox({ schema, pollIntervalMs: NEVER_MS, ...options, pool });
    cleanUp.push(
      () => pool.end(),
      () => inbox.close(),
    );
    return { pool, inbox };
  }

  function consume(inbox: Inbox, seen: (entry: Entry) => void) {
    const run = async (entry: Entry) => {
      seen(entry);
      return { type: 'done' } as const;
    };
    const options = { endpoint: 'novita', concurrency: 10, log: LOG, onSettled: silence };
    const consumption = inbox.consume(run, options);
    const stop = () => consumption.stop({ gracePeriodMs: 1000 });
    cleanUp.push(stop);
    return stop;
  }

  const listeners = async (pool: Pool) => {
    const { rows } = await pool.query<{ pid: number }>(
      "SELECT pid FROM pg_stat_activity WHERE application_name = $1 AND query ~ '^(LISTEN|SELECT 1)'",
      [schema],
    );
    return rows.map(({ pid }) => pid);
  };
  const until = async (isSo: () => unknown) => {
    for (let step = 0; step < 400; step += 1) {
      if (await isSo()) return;
      await pause(10);
    }
    throw new Error('it never came true');
  };

  test('a worker begins at once with what another process has added', async () => {
    const web = open();
    const worker = open({ application_name: schema });
    const begun = new Map<string, number>();
    consume(worker.inbox, ({ taskId }) => begun.set(taskId, performance.now()));
    await until(async () => (await listeners(web.pool)).length === 1);
    const delays: number[] = [];
    for (let round = 0; round < 40; round += 1) {
      const entry = createTestEntry();
      await web.inbox.add(entry);
      const addedAt = performance.now();
      await until(() => begun.has(entry.taskId));
      delays.push((begun.get(entry.taskId) ?? Infinity) - addedAt);
      await pause(25); // idle again
    }
    const median = delays.toSorted((a, b) => a - b)[delays.length / 2] ?? Infinity;
    console.log(`from acknowledgement to handler: median ${median.toFixed(1)} ms`);
    expect(median).toBeLessThan(NEVER_MS / 100); // how fast it is, bench:engines measures
  });

  test('a crowd of workers does not look for every event', async () => {
    const web = open();
    const workers = Array.from({ length: 6 }, () => open({ application_name: schema, max: 4 }));
    const seen = new Set<string>();
    for (const { inbox } of workers) consume(inbox, ({ taskId }) => seen.add(taskId));
    await until(async () => (await listeners(web.pool)).length === workers.length);
    const countLooks = watchForLooks(workers.map(({ pool }) => pool));
    const events = 100;
    const startedAt = performance.now();
    for (let event = 0; event < events; event += 1) {
      await web.inbox.add(createTestEntry());
      await pause(25); // idle again
    }
    await until(() => seen.size === events);
    const seconds = (performance.now() - startedAt) / 1000;
    const inVain = countLooks() - 2 * events; // one finds it, one comes after it was handled
    console.log(`${workers.length} workers, ${events} events, ${inVain} looks in vain`);
    // 5 for each if all of them answer every call. Else six to begin with, and five a second; and one
    // for each find.
    const allowed = events + workers.length * (6 + 5 * seconds);
    expect(inVain).toBeLessThan(1.3 * allowed);
  });

  test('a replay, and what is given back, are heard of as well', async () => {
    const web = open();
    const worker = open({ application_name: schema });
    const seen: string[] = [];
    consume(worker.inbox, ({ taskId }) => seen.push(taskId));
    await until(async () => (await listeners(web.pool)).length === 1);
    const entry = createTestEntry();
    await web.inbox.add(entry);
    await until(async () => (await web.inbox.get(entry))?.state === 'done');
    await web.inbox.replay(entry);
    await until(() => seen.length === 2);
  });

  test('a connection that was ended is replaced, and nothing is missed meanwhile', async () => {
    const web = open();
    const worker = open({ application_name: schema });
    const seen = new Set<string>();
    consume(worker.inbox, ({ taskId }) => seen.add(taskId));
    await until(async () => (await listeners(web.pool)).length === 1);
    for (let round = 0; round < 3; round += 1) {
      const [pid] = await listeners(web.pool);
      await web.pool.query('SELECT pg_terminate_backend($1)', [pid]);
      const entry = createTestEntry();
      await web.inbox.add(entry);
      await until(() => seen.has(entry.taskId));
      await until(async () => (await listeners(web.pool)).length === 1);
    }
  });

  test('a connection that is half-open is found out', async () => {
    const { hostname, port, username, pathname } = new URL(url ?? '');
    expect(hostname).toBe('127.0.0.1');
    const proxy = await startTcpProxy(Number(port || 5432));
    const web = open();
    const through = `postgres://${username}@127.0.0.1:${proxy.port}${pathname}`;
    const own = { connectionString: through, application_name: schema };
    const worker = open(own, { queryTimeoutMs: 200 });
    await web.inbox.stats(); // there are tables
    cleanUp.push(() => proxy.close()); // first, or the end of the pool waits for those that are frozen
    const seen = new Set<string>();
    consume(worker.inbox, ({ taskId }) => seen.add(taskId));
    await until(async () => (await listeners(web.pool)).length === 1);
    await pause(300); // all that it asked by itself is answered
    proxy.freeze();
    await pause(100);
    proxy.abandon(); // nobody is told that what was connected is not any more
    const entry = createTestEntry();
    await web.inbox.add(entry);
    await until(() => seen.has(entry.taskId));
  });

  test('whoever does not consume keeps no connection, and whoever stops gives it back', async () => {
    const worker = open({ application_name: schema });
    await worker.inbox.stats();
    expect(worker.pool.totalCount).toBe(1);
    const stop = consume(worker.inbox, silence);
    await until(async () => (await listeners(worker.pool)).length === 1);
    await stop();
    await until(async () => (await listeners(worker.pool)).length === 0);
    expect(worker.pool.totalCount).toBe(worker.pool.idleCount);
  });

  test('whoever closes while it is still connecting keeps no client', async () => {
    const pool = openPool({ max: 4, application_name: schema });
    const inbox = postgresInbox({ pool, schema });
    await inbox.stats();
    const kept = await Promise.all([pool.connect(), pool.connect(), pool.connect()]);
    const stop = consume(inbox, silence); // what it listens on has to be made first
    await stop();
    await inbox.close();
    expect(pool.totalCount - pool.idleCount).toBe(kept.length);
    kept.forEach((client) => client.release());
    await pool.end();
  });

  test.each([
    ['with a pool of one, which has none to spare', { max: 1 }, {}],
    ['where it is switched off', {}, { listen: false }],
  ])('without them entries are found by polling: %s', async (_, config, options) => {
    const web = open();
    const worker = open(
      { application_name: schema, ...config },
      { ...options, pollIntervalMs: 20 },
    );
    const seen = new Set<string>();
    consume(worker.inbox, ({ taskId }) => seen.add(taskId));
    const entry = createTestEntry();
    await web.inbox.add(entry);
    await until(() => seen.has(entry.taskId));
    expect(await listeners(web.pool)).toEqual([]);
  });
});
