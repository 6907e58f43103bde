import type { Entry, Inbox } from '@novita-webhooks/core';
import { createTestEntry } from '@novita-webhooks/testing';
import { postgresInbox, type PostgresInboxOptions } from '@novita-webhooks/inbox-postgres';
import { setTimeout as pause } from 'node:timers/promises';
import type { Pool, PoolClient, PoolConfig } from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { startTcpProxy } from '../../../test/support/tcp-proxy.ts';
import { dropSchema, openPool, uniqueName, url } from './support/test-database.ts';

const ignore = () => undefined;
const LOG = { debug: ignore, info: ignore, warn: ignore, error: ignore };
/** Longer than any test: a worker finds an entry by a notification only. */
const LONG_INTERVAL_MS = 60_000;

/** @returns a function that counts the claims on these pools since this call */
function countClaims(pools: readonly Pool[]): () => number {
  let claims = 0;
  for (const pool of pools) {
    const connect = pool.connect.bind(pool);
    pool.connect = async () => {
      const client = await connect();
      const query = client.query.bind(client) as (...args: unknown[]) => unknown;
      const count = (...args: unknown[]) => {
        if (JSON.stringify(args).includes('.claim(')) claims += 1;
        return query(...args);
      };
      return Object.assign(Object.create(client) as PoolClient, { query: count });
    };
  }
  return () => claims;
}

describe.skipIf(url === undefined)('notifications on PostgreSQL', () => {
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
    const inbox = postgresInbox({ schema, pollIntervalMs: LONG_INTERVAL_MS, ...options, pool });
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
    const options = { endpoint: 'novita', concurrency: 10, log: LOG, onSettled: ignore };
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
    throw new Error('the condition was not met within 4 s');
  };

  test('wake a worker when another process adds an entry', async () => {
    const web = open();
    const worker = open({ application_name: schema });
    const startedAt = new Map<string, number>();
    consume(worker.inbox, ({ taskId }) => startedAt.set(taskId, performance.now()));
    await until(async () => (await listeners(web.pool)).length === 1);
    const delays: number[] = [];
    for (let round = 0; round < 40; round += 1) {
      const entry = createTestEntry();
      await web.inbox.add(entry);
      const addedAt = performance.now();
      await until(() => startedAt.has(entry.taskId));
      delays.push((startedAt.get(entry.taskId) ?? Infinity) - addedAt);
      await pause(25); // idle again
    }
    const median = delays.toSorted((a, b) => a - b)[delays.length / 2] ?? Infinity;
    console.log(`from acknowledgement to handler: median ${median.toFixed(1)} ms`);
    expect(median).toBeLessThan(LONG_INTERVAL_MS / 100); // bench:engines measures the delay
  });

  test('cause a limited number of empty polls with many workers', async () => {
    const web = open();
    const workers = Array.from({ length: 6 }, () => open({ application_name: schema, max: 4 }));
    const seen = new Set<string>();
    for (const { inbox } of workers) consume(inbox, ({ taskId }) => seen.add(taskId));
    await until(async () => (await listeners(web.pool)).length === workers.length);
    const countSinceNow = countClaims(workers.map(({ pool }) => pool));
    const events = 100;
    const startedAt = performance.now();
    for (let event = 0; event < events; event += 1) {
      await web.inbox.add(createTestEntry());
      await pause(25); // idle again
    }
    await until(() => seen.size === events);
    const seconds = (performance.now() - startedAt) / 1000;
    const emptyPolls = countSinceNow() - 2 * events; // one poll finds an entry, one follows its handler
    console.log(`${workers.length} workers, ${events} events, ${emptyPolls} empty polls`);
    // Without the throttle, five for each event. With it, for each worker six at the start and five a
    // second, and one more for each event.
    const allowed = events + workers.length * (6 + 5 * seconds);
    expect(emptyPolls).toBeLessThan(1.3 * allowed);
  });

  test('wake a worker after a replay', async () => {
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

  test('miss no entry when the listening connection is replaced', async () => {
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

  test('arrive again after the listening connection was half-open', async () => {
    const { hostname, port, username, pathname } = new URL(url ?? '');
    expect(hostname).toBe('127.0.0.1');
    const proxy = await startTcpProxy(Number(port || 5432));
    const web = open();
    const through = `postgres://${username}@127.0.0.1:${proxy.port}${pathname}`;
    const proxied = { connectionString: through, application_name: schema };
    const worker = open(proxied, { queryTimeoutMs: 200 });
    await web.inbox.stats(); // the first use creates the tables
    cleanUp.push(() => proxy.close()); // runs first: the pool could not end frozen connections
    const seen = new Set<string>();
    consume(worker.inbox, ({ taskId }) => seen.add(taskId));
    await until(async () => (await listeners(web.pool)).length === 1);
    await pause(300); // until every statement is answered
    proxy.freeze();
    await pause(100);
    proxy.abandon(); // drops the old connections without closing them
    const entry = createTestEntry();
    await web.inbox.add(entry);
    await until(() => seen.has(entry.taskId));
  });

  test('need a connection only while the inbox is consumed', async () => {
    const worker = open({ application_name: schema });
    await worker.inbox.stats();
    expect(worker.pool.totalCount).toBe(1);
    const stop = consume(worker.inbox, ignore);
    await until(async () => (await listeners(worker.pool)).length === 1);
    await stop();
    await until(async () => (await listeners(worker.pool)).length === 0);
    expect(worker.pool.totalCount).toBe(worker.pool.idleCount);
  });

  test('keep no client if the inbox closes while it connects', async () => {
    const pool = openPool({ max: 4, application_name: schema });
    const inbox = postgresInbox({ pool, schema });
    await inbox.stats();
    const kept = await Promise.all([pool.connect(), pool.connect(), pool.connect()]);
    const stop = consume(inbox, ignore); // its listening connection does not exist yet
    await stop();
    await inbox.close();
    expect(pool.totalCount - pool.idleCount).toBe(kept.length);
    kept.forEach((client) => client.release());
    await pool.end();
  });

  test.each([
    ['a pool of one connection', { max: 1 }, {}],
    ['listen: false', {}, { listen: false }],
  ])('are not necessary, since workers poll: %s', async (_, config, options) => {
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
