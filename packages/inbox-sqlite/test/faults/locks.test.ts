import { fork } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { createReceiver } from '@novita-webhooks/core';
import { sampleEvents, signedDelivery, TEST_SECRET } from '@novita-webhooks/testing';
import { sqliteInbox } from '@novita-webhooks/inbox-sqlite';
import { expect, test, vi } from 'vitest';

import { temporaryFile, temporaryFolder } from '../support/temporary-files.ts';
import { bundled } from './support/bundle.ts';
import { holdLock, openDatabase } from './support/database.ts';
import { newTask, startVictim } from './support/start-receiver.ts';

const BUSY_MS = 400;

test.each(['IMMEDIATE', 'EXCLUSIVE'] as const)(
  'another process holds the lock (%s): refused in time, and no handler runs twice at a time',
  async (mode) => {
    const path = temporaryFile();
    const victim = await startVictim({
      path,
      busyTimeoutMs: BUSY_MS,
      leaseDurationMs: 600,
      handlerMs: 300,
    });
    const [early, late] = [newTask(), newTask()];
    expect(await victim.deliver(early)).toBe(200);
    await vi.waitFor(() => expect(victim.runs(early).total).toBe(1));

    const release = holdLock(path, mode); // for longer than the lease that the handler has
    const startedAt = performance.now();
    expect(await victim.deliver(late)).toBe(503);
    const waited = performance.now() - startedAt;
    expect(waited).toBeGreaterThan(BUSY_MS - 50);
    expect(waited).toBeLessThan(BUSY_MS + 500);
    await setTimeout(1200);
    expect(victim.readLog()).toMatch(/something else holds its write lock.*transaction left open/);
    release();

    await victim.recovers();
    await victim.keepsItsWord();
    expect(victim.runs(early).together).toBe(1);
    const [entry] = (await victim.ask('states')).filter(({ taskId }) => taskId === early);
    expect(entry).toMatchObject({ state: 'done' });
  },
);

test("an open transaction on the caller's own connection is waited for", async () => {
  const database = openDatabase(temporaryFile());
  const inbox = sqliteInbox({ database, busyTimeoutMs: 1000 });
  const receiver = createReceiver({ url: 'http://localhost/', secret: TEST_SECRET, inbox });
  const deliver = async (taskId: string) =>
    receiver.handle(await signedDelivery(receiver, sampleEvents.failed({ taskId })));
  database.exec('CREATE TABLE own (x)');
  expect(await deliver('first')).toMatchObject({ status: 200 });

  database.exec('BEGIN; INSERT INTO own VALUES (1)');
  const delivered = deliver('second');
  expect(await Promise.race([delivered, setTimeout(200, 'waits')])).toBe('waits');
  database.exec('ROLLBACK');

  expect(await delivered).toMatchObject({ status: 200 });
  expect(await inbox.get({ endpoint: 'novita', taskId: 'second' })).toBeDefined();
  expect(database.prepare('SELECT x FROM own').all()).toEqual([]);

  database.exec('BEGIN');
  expect(await deliver('third')).toMatchObject({ status: 503 });
  database.exec('ROLLBACK');
  await receiver.close();
});

test('ten thousand entries and bodies of a megabyte, all at the lock: refused in bounded memory', async () => {
  const path = temporaryFile();
  const victim = await startVictim({ path, busyTimeoutMs: BUSY_MS });
  await victim.recovers();
  const release = holdLock(path);

  const { added, megabytes } = await victim.ask('addMany', 10_000);
  expect(added).toBe(0);
  expect(megabytes).toBeLessThan(150);
  const large = await Promise.all(
    Array.from({ length: 20 }, () => victim.deliver(newTask(), 1_000_000)),
  );
  expect(new Set(large)).toEqual(new Set([503]));
  release();

  await victim.recovers();
  expect(await victim.deliver(newTask(), 1_000_000)).toBe(200);
  await victim.keepsItsWord();
});

test('closing while somebody holds the lock: in bounded time, and everything is answered', async () => {
  const path = temporaryFile();
  const victim = await startVictim({ path, busyTimeoutMs: BUSY_MS, handlerMs: 300 });
  const begun = newTask();
  await victim.deliver(begun);
  const release = holdLock(path);

  const waiting = Array.from({ length: 300 }, () => victim.deliver(newTask()));
  await setTimeout(50);
  expect(await victim.ask('close', 500)).toBeLessThan(4000);
  expect(new Set(await Promise.all(waiting))).toEqual(new Set([503]));
  expect(await victim.ask('add')).toMatch(/the inbox is closed/);
  expect(await victim.deliver(newTask())).toBe(503);
  release();
});

test('after closing, the one file holds everything and nobody is in its way', async () => {
  const path = temporaryFile();
  const copy = join(temporaryFolder(), 'copy.db');
  const victim = await startVictim({ path });
  for (let index = 0; index < 10; index += 1) await victim.deliver(newTask());
  await victim.keepsItsWord();

  await victim.ask('close');

  copyFileSync(path, copy);
  const query = "SELECT count(*) AS n FROM novita_entries WHERE state = 'done'";
  expect(openDatabase(copy).prepare(query).all()).toMatchObject([{ n: 10 }]);
  expect(statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0).toBe(0);
  holdLock(path, 'EXCLUSIVE')();
});

test(
  'eight processes begin with a new file at once: all succeed',
  { timeout: 30_000 },
  async () => {
    const script = await bundled('opener-process.ts');
    const cwd = fileURLToPath(new URL('../../../../', import.meta.url));
    const processes = Array.from({ length: 8 }, () => fork(script, { cwd, execArgv: [] }));
    try {
      await Promise.all(processes.map((child) => once(child, 'message')));
      for (let round = 0; round < 10; round += 1) {
        const path = temporaryFile();
        const results = processes.map(async (child) => {
          const answered = once(child, 'message');
          child.send(path);
          const [result] = (await answered) as [string];
          return result;
        });
        expect(await Promise.all(results)).toEqual(Array(8).fill('added'));
        const rows = openDatabase(path).prepare('SELECT count(*) AS n FROM novita_entries').all();
        expect(rows).toMatchObject([{ n: 8 }]);
      }
    } finally {
      for (const child of processes) child.kill();
    }
  },
);
