import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { startTcpProxy, type TcpProxy } from '../../../../test/support/tcp-proxy.ts';
import { ENOUGH, startScene } from './support/receiver-fixture.ts';
import { createServerOf, findPrograms, type Server } from './support/server.ts';

const bin = findPrograms();

describe.skipIf(bin === undefined)('a PostgreSQL with a standby that commits wait for', () => {
  let primary: Server;
  let standby: Server;
  let proxy: TcpProxy;

  beforeAll(async () => {
    primary = await createServerOf(bin ?? '');
    standby = await primary.createStandby();
    await primary.query("ALTER SYSTEM SET synchronous_standby_names = '*'");
    await primary.query('SELECT pg_reload_conf()');
    proxy = await startTcpProxy(primary.port);
  }, 60_000);
  afterAll(async () => {
    await proxy.close();
    await standby.remove();
    await primary.remove();
  });

  test('does not acknowledge a repeat of what is on one side only', async () => {
    const scene = await startScene(proxy.port);
    await scene.untilAnswered(200);
    tellAll(standby, 'SIGSTOP');
    const taskId = randomUUID();
    expect(await scene.deliver(taskId)).toBe(503); // it waits for the standby
    // Somebody ends the wait: what waited is committed now, and on this side only.
    await untilWaitIsOver(primary, taskId);
    expect(await scene.deliver(taskId)).toBe(503);
    tellAll(standby, 'SIGCONT');
    await scene.untilAnswered(200);
    expect(await scene.deliver(taskId)).toBe(200);
    expect((await scene.keepsItsWord()).lost).toEqual([]);
    await scene.close();
  }, 30_000);

  test('dies, and the standby takes over with everything that was acknowledged', async () => {
    const scene = await startScene(proxy.port);
    await scene.underLoad();
    await primary.end('kill');
    await scene.untilAnswered(503);
    await standby.query('SELECT pg_promote()');
    proxy.leadTo(standby.port);
    await scene.untilAnswered(200);
    const { lost, other, acknowledged } = await scene.keepsItsWord();
    expect(lost).toEqual([]);
    expect(acknowledged).toBeGreaterThanOrEqual(ENOUGH);
    expect(other).toEqual([]);
    const [row] = await standby.query<{ events: number }>(
      'SELECT count(*)::integer AS events FROM novita_webhooks.events',
    );
    expect(row?.events).toBeGreaterThanOrEqual(acknowledged);
    await scene.close();
  }, 30_000);
});

function tellAll(server: Server, signal: 'SIGSTOP' | 'SIGCONT'): void {
  for (const pid of [server.pid(), ...server.children()]) process.kill(pid, signal);
}

async function untilWaitIsOver(primary: Server, taskId: string): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    await primary.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'",
    );
    const rows = await primary.query('SELECT FROM novita_webhooks.events WHERE task_id = $1', [
      taskId,
    ]);
    if (rows.length > 0) return;
    await pause(20);
  }
  throw new Error('it was never committed');
}
