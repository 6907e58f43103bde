import { setTimeout as pause } from 'node:timers/promises';

import { Client, type PoolConfig } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { startTcpProxy, type TcpProxy } from '../../../../test/support/tcp-proxy.ts';
import { ENOUGH, REPLY_MS, startScene, type FaultScene } from './support/receiver-fixture.ts';
import { createServerOf, findPrograms, type Server } from './support/server.ts';

const bin = findPrograms();
/** What a busy machine adds to the limit. */
const SLACK_MS = 700;

describe.skipIf(bin === undefined)('a PostgreSQL under load', () => {
  let server: Server;
  let scene: FaultScene | undefined;
  let proxy: TcpProxy | undefined;

  beforeAll(async () => {
    server = await createServerOf(bin ?? '');
    await server.query('CREATE ROLE app LOGIN SUPERUSER');
  }, 60_000);
  afterEach(async () => {
    await scene?.close();
    await proxy?.close();
    proxy = undefined;
    scene = undefined;
  });
  afterAll(() => server.remove());

  async function start(config: PoolConfig = {}): Promise<FaultScene> {
    scene = await startScene(server.port, config);
    await scene.underLoad();
    return scene;
  }

  async function startThroughProxy(config: PoolConfig = {}): Promise<FaultScene> {
    proxy = await startTcpProxy(server.port);
    scene = await startScene(proxy.port, config);
    await scene.underLoad();
    return scene;
  }

  async function connectAs(user: string): Promise<Client> {
    const client = new Client({ host: '127.0.0.1', port: server.port, user, database: 'postgres' });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  }

  async function expectItsWord({ keepsItsWord }: FaultScene): Promise<void> {
    const { acknowledged, lost, refused, other, slowestMs } = await keepsItsWord();
    expect(lost).toEqual([]);
    expect(acknowledged).toBeGreaterThanOrEqual(ENOUGH);
    expect(refused).toBeGreaterThan(0);
    expect(other).toEqual([]);
    expect(slowestMs).toBeLessThan(REPLY_MS + SLACK_MS);
  }

  test('is restarted as after a crash: 503 until it is back', async () => {
    const running = await start();
    await server.end('immediate');
    await running.untilAnswered(503);
    await pause(500);
    await server.start();
    await running.untilAnswered(200);
    expect(running.log()).toMatch(/nothing listens there|the connection broke|is being shut down/);
    await expectItsWord(running);
  }, 30_000);

  test('loses its postmaster, and all else with it', async () => {
    const running = await start();
    await server.end('kill');
    await running.untilAnswered(503);
    await server.start();
    await running.untilAnswered(200);
    await expectItsWord(running);
  }, 30_000);

  test('loses a backend, and recovers by itself', async () => {
    const running = await start();
    const victims = await server.query<{ pid: number }>(
      "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
    );
    process.kill(victims[0]?.pid ?? 0, 'SIGKILL'); // the postmaster ends the others
    await running.untilAnswered(503);
    await running.untilAnswered(200);
    expect(running.log()).toMatch(/the connection broke|has crashed|recovering from a crash/);
    await expectItsWord(running);
  }, 30_000);

  test('is cut off from its clients', async () => {
    const running = await startThroughProxy();
    proxy?.cut();
    await running.untilAnswered(503);
    await pause(500);
    proxy?.restore();
    await running.untilAnswered(200);
    expect(running.log()).toMatch(/the connection broke/);
    await expectItsWord(running);
  }, 30_000);

  test('is behind connections that are half-open', async () => {
    const running = await startThroughProxy();
    proxy?.freeze();
    await running.untilAnswered(503);
    await pause(2500);
    expect(running.log()).toMatch(/did not answer in time/);
    proxy?.restore();
    await running.untilAnswered(200);
    await expectItsWord(running);
  }, 30_000);

  test('has no connection left', async () => {
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
    await running.untilAnswered(503);
    expect(running.log()).toMatch(/has no connection left\. Raise max_connections/);
    for (const client of others) await client.end();
    await running.untilAnswered(200);
    await expectItsWord(running);
  }, 30_000);

  test('refuses writes for a while, as a standby does', async () => {
    const running = await start();
    await server.query('ALTER SYSTEM SET default_transaction_read_only = on');
    await server.query('SELECT pg_reload_conf()');
    await running.untilAnswered(503);
    expect(running.log()).toMatch(/takes no writes/);
    await server.query('ALTER SYSTEM RESET default_transaction_read_only');
    await server.query('SELECT pg_reload_conf()');
    await running.untilAnswered(200);
    await expectItsWord(running);
  }, 30_000);

  test('is locked by somebody: with a statement_timeout nothing piles up behind it', async () => {
    const running = await start({ statement_timeout: 600 });
    const locker = await connectAs('app');
    await locker.query('BEGIN; LOCK TABLE novita_webhooks.events');
    await running.untilAnswered(503);
    await pause(3000);
    const [row] = await server.query<{ waiting: number }>(
      "SELECT count(*)::integer AS waiting FROM pg_stat_activity WHERE wait_event_type = 'Lock'",
    );
    expect(row?.waiting).toBeLessThanOrEqual(8);
    expect(running.log()).toMatch(/did not answer in time|took too long/);
    await locker.end();
    await running.untilAnswered(200);
    await expectItsWord(running);
  }, 30_000);

  test('is behind connections that nobody ever closes', async () => {
    const running = await startThroughProxy({ connectionTimeoutMillis: 500 });
    proxy?.freeze();
    await running.untilAnswered(503);
    await pause(2500); // all of the pool, and its attempts to connect
    proxy?.abandon();
    await running.untilAnswered(200);
    await expectItsWord(running);
  }, 30_000);
});
