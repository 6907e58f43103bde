import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { startTcpProxy, type TcpProxy } from '../../../../test/support/tcp-proxy.ts';
import { MIN_ACKNOWLEDGED, startReceiver } from './support/receiver-fixture.ts';
import { createServerOf, findPrograms, type Server } from './support/server.ts';

const bin = findPrograms();

describe.skipIf(bin === undefined)('inbox-postgres with a synchronous standby', () => {
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

  test('does not acknowledge a duplicate that the standby lacks', async () => {
    const fixture = await startReceiver(proxy.port);
    await fixture.waitForStatus(200);
    signalAll(standby, 'SIGSTOP');
    const taskId = randomUUID();
    expect(await fixture.deliver(taskId)).toBe(503); // it waits for the standby
    // Terminating the session commits the event on the primary only.
    await endStandbyWait(primary, taskId);
    expect(await fixture.deliver(taskId)).toBe(503);
    signalAll(standby, 'SIGCONT');
    await fixture.waitForStatus(200);
    expect(await fixture.deliver(taskId)).toBe(200);
    expect((await fixture.finish()).lost).toEqual([]);
    await fixture.close();
  }, 30_000);

  test('loses nothing acknowledged when the standby is promoted', async () => {
    const fixture = await startReceiver(proxy.port);
    await fixture.waitForLoad();
    await primary.end('kill');
    await fixture.waitForStatus(503);
    await standby.query('SELECT pg_promote()');
    proxy.setTargets(standby.port);
    await fixture.waitForStatus(200);
    const { lost, other, acknowledged } = await fixture.finish();
    expect(lost).toEqual([]);
    expect(acknowledged).toBeGreaterThanOrEqual(MIN_ACKNOWLEDGED);
    expect(other).toEqual([]);
    const [row] = await standby.query<{ events: number }>(
      'SELECT count(*)::integer AS events FROM novita_webhooks.events',
    );
    expect(row?.events).toBeGreaterThanOrEqual(acknowledged);
    await fixture.close();
  }, 30_000);
});

function signalAll(server: Server, signal: 'SIGSTOP' | 'SIGCONT'): void {
  for (const pid of [server.pid(), ...server.children()]) process.kill(pid, signal);
}

async function endStandbyWait(primary: Server, taskId: string): Promise<void> {
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
  throw new Error('the event was not committed');
}
