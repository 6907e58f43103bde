import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

import { expect, test } from 'vitest';

import { temporaryFile, temporaryFolder } from '../support/temporary-files.ts';
import { holdLock, openDatabase } from './support/database.ts';
import { newTask, startReceiver, type ReceiverProcess } from './support/start-receiver.ts';

async function receiverWithEvents(path: string, count = 30): Promise<ReceiverProcess> {
  const receiver = await startReceiver({ path });
  for (let index = 0; index < count; index += 1) {
    expect(await receiver.deliver(newTask(), 2000)).toBe(200);
  }
  return receiver;
}

function remove(path: string, endings: readonly string[]): void {
  for (const ending of endings) rmSync(`${path}${ending}`, { force: true });
}

test.each([
  ['the database', ['']],
  ['the database, its -wal and its -shm', ['', '-wal', '-shm']],
  ['the -wal alone', ['-wal']],
  ['the -shm alone', ['-shm']],
  ['the -wal and the -shm', ['-wal', '-shm']],
])('sqliteInbox: restores %s after deletion without losing events', async (_, endings) => {
  const path = temporaryFile();
  const receiver = await receiverWithEvents(path);

  remove(path, endings);

  expect([200, 503]).toContain(await receiver.deliver(newTask()));
  await receiver.expectRecovery();
  await receiver.expectNothingLost();
  // The file at this path holds the entries, also for another process.
  const rows = openDatabase(path).prepare('SELECT count(*) AS n FROM novita_entries').all();
  expect((rows[0] as { n: number }).n).toBeGreaterThanOrEqual(31);
  expect(readdirSync(dirname(path)).filter((name) => name.includes('-recovery'))).toEqual([]);
});

test('sqliteInbox: loses nothing after repeated deletions, also before closing', async () => {
  const path = temporaryFile();
  const receiver = await receiverWithEvents(path);
  for (let round = 0; round < 3; round += 1) {
    remove(path, ['', '-wal', '-shm']);
    await receiver.expectRecovery();
  }
  await receiver.expectNothingLost();

  remove(path, ['', '-wal', '-shm']);
  await receiver.call('close');

  const rows = openDatabase(path).prepare('SELECT count(*) AS n FROM novita_entries').all();
  expect((rows[0] as { n: number }).n).toBe(33);
});

test('sqliteInbox: restores a file deleted under a lock when the lock is released', async () => {
  const path = temporaryFile();
  const receiver = await receiverWithEvents(path);
  const release = holdLock(path);
  expect(await receiver.deliver(newTask())).toBe(503);

  remove(path, ['', '-wal', '-shm']);
  release();

  await receiver.expectRecovery();
  await receiver.expectNothingLost();
});

test('sqliteInbox: answers 503 while the folder is moved away, and loses nothing', async () => {
  const folder = join(temporaryFolder(), 'data');
  const away = `${folder}-away`;
  mkdirSync(folder);
  const path = join(folder, 'webhooks.db');
  const receiver = await receiverWithEvents(path);

  renameSync(folder, away);
  expect(await receiver.deliver(newTask())).toBe(503);
  expect(await receiver.deliver(newTask())).toBe(503);
  expect(receiver.readLog()).toMatch(/Check that its folder exists/);
  renameSync(away, folder);

  await receiver.expectRecovery();
  await receiver.expectNothingLost();
});

test('sqliteInbox: restores the file into a folder that was deleted and created again', async () => {
  const path = temporaryFile();
  const receiver = await receiverWithEvents(path);

  // Renames first: the inbox would restore files into a folder that is being deleted.
  renameSync(dirname(path), `${dirname(path)}-gone`);
  rmSync(`${dirname(path)}-gone`, { recursive: true });
  expect(await receiver.deliver(newTask())).toBe(503);
  mkdirSync(dirname(path));

  await receiver.expectRecovery();
  await receiver.expectNothingLost();
});

test('sqliteInbox: uses a backup that replaced the file, without the previous -wal file', async () => {
  const path = temporaryFile();
  const backup = join(dirname(path), 'backup');
  const receiver = await receiverWithEvents(path, 5);
  openDatabase(path).exec(`VACUUM INTO '${backup}'`);
  for (let index = 0; index < 20; index += 1) await receiver.deliver(newTask(), 2000);

  renameSync(backup, path);

  await receiver.expectRecovery();
  const states = await receiver.call('states');
  expect(states.length).toBeLessThanOrEqual(7);
  expect(integrity(path)).toBe('ok');
});

test('sqliteInbox: answers 503 for a file truncated to 0 bytes until it is removed', async () => {
  const path = temporaryFile();
  const receiver = await receiverWithEvents(path);
  openDatabase(path).exec('PRAGMA wal_checkpoint(TRUNCATE)');

  truncateSync(path, 0);

  for (let index = 0; index < 3; index += 1) {
    expect(await receiver.deliver(newTask())).toBe(503);
    await new Promise((resolve) => setTimeout(resolve, 300)); // the inbox retries after 250 ms
  }
  expect(receiver.readLog()).toMatch(/(truncated|damaged).*Replace it with a backup, or/);
  remove(path, ['', '-wal', '-shm']);
  await receiver.expectRecovery();
  expect((await receiver.call('states')).length).toBeLessThanOrEqual(4);
});

test('sqliteInbox: answers 503 for a file truncated to half until a backup replaces it', async () => {
  const path = temporaryFile();
  const backup = join(dirname(path), 'backup');
  const receiver = await receiverWithEvents(path);
  const areDone = async () =>
    (await receiver.call('states')).every(({ state }) => state === 'done');
  await expect.poll(areDone).toBe(true);
  openDatabase(path).exec(`PRAGMA wal_checkpoint(TRUNCATE)`);
  copyFileSync(path, backup);
  await receiver.deliver(newTask()); // the -wal file now records the size of the database

  truncateSync(path, statSync(path).size / 2);

  for (let index = 0; index < 3; index += 1) {
    expect(await receiver.deliver(newTask())).toBe(503);
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  expect(receiver.readLog()).toMatch(/(truncated|damaged).*Replace it with a backup/);
  renameSync(backup, path);
  await receiver.expectRecovery();
  expect((await receiver.call('states')).length).toBeGreaterThanOrEqual(31);
  expect(integrity(path)).toBe('ok');
});

test('sqliteInbox: keeps working after another process runs VACUUM', async () => {
  const path = temporaryFile();
  const receiver = await receiverWithEvents(path);
  const other = openDatabase(path);
  other.exec('CREATE TABLE ballast (x); INSERT INTO ballast VALUES (zeroblob(1000000))');
  other.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  await receiver.expectRecovery();
  const before = statSync(path).size;

  other.exec('DROP TABLE ballast; VACUUM; PRAGMA wal_checkpoint(TRUNCATE)');

  expect(statSync(path).size).toBeLessThan(before);
  await receiver.expectRecovery();
  await receiver.expectNothingLost();
});

function integrity(path: string): unknown {
  const [row] = openDatabase(path).prepare('PRAGMA integrity_check').all();
  return (row as { integrity_check: unknown }).integrity_check;
}
