import { setTimeout as pause } from 'node:timers/promises';

import { Client, type PoolConfig } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { startTcpProxy, type TcpProxy } from '../../../../test/support/tcp-proxy.ts';
import {
  MIN_ACKNOWLEDGED,
  REPLY_TIMEOUT_MS,
  startReceiver,
  type ReceiverFixture,
} from './support/receiver-fixture.ts';
import { createServerOf, findPrograms, type Server } from './support/server.ts';

const bin = findPrograms();
/** Tolerance on a busy machine. */
const SLACK_MS = 3500; // Novita waits for 5 s

describe.skipIf(bin === undefined)('inbox-postgres under load', () => {
  let server: Server;
  let fixture: ReceiverFixture | undefined;
  let proxy: TcpProxy | undefined;

  beforeAll(async () => {
    server = await createServerOf(bin ?? '');
    await server.query('CREATE ROLE app LOGIN SUPERUSER');
  }, 60_000);
  afterEach(async () => {
    await fixture?.close();
    await proxy?.close();
    proxy = undefined;
    fixture = undefined;
  });
  afterAll(() => server.remove());

  async function start(config: PoolConfig = {}): Promise<ReceiverFixture> {
    fixture = await startReceiver(server.port, config);
    await fixture.waitForLoad();
    return fixture;
  }

  async function startThroughProxy(config: PoolConfig = {}): Promise<ReceiverFixture> {
    proxy = await startTcpProxy(server.port);
    fixture = await startReceiver(proxy.port, config);
    await fixture.waitForLoad();
    return fixture;
  }

  async function connectAs(user: string): Promise<Client> {
    const client = new Client({ host: '127.0.0.1', port: server.port, user, database: 'postgres' });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  }

  async function expectNothingLost({ finish }: ReceiverFixture): Promise<void> {
    const { acknowledged, lost, refused, other, slowestMs } = await finish();
    expect(lost).toEqual([]);
    expect(acknowledged).toBeGreaterThanOrEqual(MIN_ACKNOWLEDGED);
    expect(refused).toBeGreaterThan(0);
    expect(other).toEqual([]);
    expect(slowestMs).toBeLessThan(REPLY_TIMEOUT_MS + SLACK_MS);
  }

  test('answers 503 until a stopped server is back', async () => {
    const running = await start();
    await server.end('immediate');
    await running.waitForStatus(503);
    await pause(500);
    await server.start();
    await running.waitForStatus(200);
    expect(running.log()).toMatch(
      /refused the connection|the connection broke|server ended the connection/,
    );
    await expectNothingLost(running);
  }, 30_000);

  test('answers 503 until a killed server is back', async () => {
    const running = await start();
    await server.end('kill');
    await running.waitForStatus(503);
    await server.start();
    await running.waitForStatus(200);
    await expectNothingLost(running);
  }, 30_000);

  test('continues after the crash of one backend', async () => {
    const running = await start();
    const backends = await server.query<{ pid: number }>(
      "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
    );
    process.kill(backends[0]?.pid ?? 0, 'SIGKILL'); // the postmaster ends all other backends
    await running.waitForStatus(503);
    await running.waitForStatus(200);
    expect(running.log()).toMatch(
      /the connection broke|server ended the connection|recovering from a crash/,
    );
    await expectNothingLost(running);
  }, 30_000);

  test('continues after the network was cut', async () => {
    const running = await startThroughProxy();
    proxy?.cut();
    await running.waitForStatus(503);
    await pause(500);
    proxy?.restore();
    await running.waitForStatus(200);
    expect(running.log()).toMatch(/the connection broke/);
    await expectNothingLost(running);
  }, 30_000);

  test('continues after connections were half-open', async () => {
    const running = await startThroughProxy();
    proxy?.freeze();
    await running.waitForStatus(503);
    await pause(2500);
    expect(running.log()).toMatch(/did not answer within 500 ms/);
    proxy?.restore();
    await running.waitForStatus(200);
    await expectNothingLost(running);
  }, 30_000);

  test('answers 503 while the server has no connection left', async () => {
    const running = await start();
    const others: Client[] = [];
    const occupy = async () => {
      others.push(await connectAs('app'));
    };
    await server.query(`
      SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND usename = 'postgres'`);
    for (let round = 0; round < 60; round += 1) await occupy().catch(() => undefined);
    expect(others.length).toBeGreaterThan(15);
    await others[0]?.query(`
      SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE backend_type = 'client backend' AND usename = 'postgres'`);
    for (let round = 0; round < 20; round += 1) await occupy().catch(() => undefined);
    await running.waitForStatus(503);
    expect(running.log()).toMatch(/has no connection left\. Raise max_connections/);
    for (const client of others) await client.end();
    await running.waitForStatus(200);
    await expectNothingLost(running);
  }, 30_000);

  test('answers 503 while the server is read-only', async () => {
    const running = await start();
    await server.query('ALTER SYSTEM SET default_transaction_read_only = on');
    await server.query('SELECT pg_reload_conf()');
    await running.waitForStatus(503);
    expect(running.log()).toMatch(/the server is read-only/);
    await server.query('ALTER SYSTEM RESET default_transaction_read_only');
    await server.query('SELECT pg_reload_conf()');
    await running.waitForStatus(200);
    await expectNothingLost(running);
  }, 30_000);

  test('piles up no statements behind a lock if statement_timeout is set', async () => {
    const running = await start({ statement_timeout: 600 });
    const locker = await connectAs('app');
    await locker.query('BEGIN; LOCK TABLE novita_webhooks.events');
    await running.waitForStatus(503);
    await pause(3000);
    const [row] = await server.query<{ waiting: number }>(
      "SELECT count(*)::integer AS waiting FROM pg_stat_activity WHERE wait_event_type = 'Lock'",
    );
    expect(row?.waiting).toBeLessThanOrEqual(8);
    expect(running.log()).toMatch(/did not answer within 500 ms|took too long/);
    await locker.end();
    await running.waitForStatus(200);
    await expectNothingLost(running);
  }, 30_000);

  test('continues after connections that were never closed', async () => {
    const running = await startThroughProxy({ connectionTimeoutMillis: 500 });
    proxy?.freeze();
    await running.waitForStatus(503);
    await pause(2500); // until all connections and connection attempts hang
    proxy?.abandon();
    await running.waitForStatus(200);
    await expectNothingLost(running);
  }, 30_000);
});
