import { fork } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { createReceiver } from '@novita-webhooks/core';
import { sampleEvents, signedDelivery, TEST_SECRET } from '@novita-webhooks/testing';
import { sqliteInbox } from '@novita-webhooks/inbox-sqlite';
import { expect, test } from 'vitest';

import { temporaryFile, temporaryFolder } from '../support/temporary-files.ts';
import { bundleScript } from './support/bundle.ts';
import { holdLock, openDatabase } from './support/database.ts';
import { newTask, startReceiver } from './support/start-receiver.ts';

const BUSY_TIMEOUT_MS = 400;

test.each(['IMMEDIATE', 'EXCLUSIVE'] as const)(
  'sqliteInbox: answers 503 after busyTimeoutMs while another process holds an %s lock',
  async (mode) => {
    const path = temporaryFile();
    const receiver = await startReceiver({
      path,
      busyTimeoutMs: BUSY_TIMEOUT_MS,
      leaseDurationMs: 600,
      handlerMs: 300,
    });
    const [early, late] = [newTask(), newTask()];
    expect(await receiver.deliver(early)).toBe(200);
    await expect.poll(() => receiver.handlerRuns(early).total).toBe(1);

    const release = holdLock(path, mode); // for longer than the lease of the running handler
    const startedAt = performance.now();
    expect(await receiver.deliver(late)).toBe(503);
    const waited = performance.now() - startedAt;
    expect(waited).toBeGreaterThan(BUSY_TIMEOUT_MS - 50);
    await setTimeout(1200);
    expect(receiver.readLog()).toMatch(
      /held the write lock for longer than busyTimeoutMs.*left a transaction open/,
    );
    release();

    await receiver.expectRecovery();
    await receiver.expectNothingLost();
    expect(receiver.handlerRuns(early).maxConcurrent).toBe(1);
    const [entry] = (await receiver.call('states')).filter(({ taskId }) => taskId === early);
    expect(entry).toMatchObject({ state: 'done' });
  },
);

test("sqliteInbox: waits for a transaction on the caller's connection", async () => {
  const database = openDatabase(temporaryFile());
  const inbox = sqliteInbox({ database, busyTimeoutMs: 1000 });
  const receiver = createReceiver({ url: 'http://localhost/', secret: TEST_SECRET, inbox });
  const deliver = async (taskId: string) =>
    receiver.handle(await signedDelivery(receiver, sampleEvents.failed({ taskId })));
  database.exec('CREATE TABLE own (x)');
  expect(await deliver('first')).toMatchObject({ status: 200 });

  database.exec('BEGIN; INSERT INTO own VALUES (1)');
  const delivered = deliver('second');
  expect(await Promise.race([delivered, setTimeout(200, 'still waiting')])).toBe('still waiting');
  database.exec('ROLLBACK');

  expect(await delivered).toMatchObject({ status: 200 });
  expect(await inbox.get({ endpoint: 'novita', taskId: 'second' })).toBeDefined();
  expect(database.prepare('SELECT x FROM own').all()).toEqual([]);

  database.exec('BEGIN');
  expect(await deliver('third')).toMatchObject({ status: 503 });
  database.exec('ROLLBACK');
  await receiver.close();
});

test('sqliteInbox: rejects 10,000 blocked entries and 1 MB bodies in bounded memory', async () => {
  const path = temporaryFile();
  const receiver = await startReceiver({ path, busyTimeoutMs: BUSY_TIMEOUT_MS });
  await receiver.expectRecovery();
  const release = holdLock(path);

  const { added, megabytes } = await receiver.call('addMany', 10_000);
  expect(added).toBe(0);
  expect(megabytes).toBeLessThan(150);
  const large = await Promise.all(
    Array.from({ length: 20 }, () => receiver.deliver(newTask(), 1_000_000)),
  );
  expect(new Set(large)).toEqual(new Set([503]));
  release();

  await receiver.expectRecovery();
  expect(await receiver.deliver(newTask(), 1_000_000)).toBe(200);
  await receiver.expectNothingLost();
});

test('receiver.close: ends in bounded time and answers everything while the file is locked', async () => {
  const path = temporaryFile();
  const receiver = await startReceiver({ path, busyTimeoutMs: BUSY_TIMEOUT_MS, handlerMs: 300 });
  const begun = newTask();
  await receiver.deliver(begun);
  const release = holdLock(path);

  const waiting = Array.from({ length: 300 }, () => receiver.deliver(newTask()));
  await setTimeout(50);
  expect(await receiver.call('close', 500)).toBeLessThan(4000);
  expect(new Set(await Promise.all(waiting))).toEqual(new Set([503]));
  expect(await receiver.call('add')).toMatch(/the inbox is closed/);
  expect(await receiver.deliver(newTask())).toBe(503);
  release();
});

test('receiver.close: moves everything into the database file and releases all locks', async () => {
  const path = temporaryFile();
  const copy = join(temporaryFolder(), 'copy.db');
  const receiver = await startReceiver({ path });
  for (let index = 0; index < 10; index += 1) await receiver.deliver(newTask());
  await receiver.expectNothingLost();

  await receiver.call('close');

  copyFileSync(path, copy);
  const query = "SELECT count(*) AS n FROM novita_entries WHERE state = 'done'";
  expect(openDatabase(copy).prepare(query).all()).toMatchObject([{ n: 10 }]);
  expect(statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0).toBe(0);
  holdLock(path, 'EXCLUSIVE')();
});

test(
  'sqliteInbox: eight processes create the same file at the same time',
  { timeout: 30_000 },
  async () => {
    const script = await bundleScript('opener-process.ts');
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
