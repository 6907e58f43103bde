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

import { expect, test, vi } from 'vitest';

import { temporaryFile, temporaryFolder } from '../support/temporary-files.ts';
import { holdLock, openDatabase } from './support/database.ts';
import { newTask, startVictim, type Victim } from './support/start-receiver.ts';

async function victimWithEvents(path: string, count = 30): Promise<Victim> {
  const victim = await startVictim({ path });
  for (let index = 0; index < count; index += 1) {
    expect(await victim.deliver(newTask(), 2000)).toBe(200);
  }
  return victim;
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
])('%s deleted while running: it is put back, and nothing is lost', async (_, endings) => {
  const path = temporaryFile();
  const victim = await victimWithEvents(path);

  remove(path, endings);

  expect([200, 503]).toContain(await victim.deliver(newTask()));
  await victim.recovers();
  await victim.keepsItsWord();
  // … and it is the file at this path that holds it, as another process sees it.
  const rows = openDatabase(path).prepare('SELECT count(*) AS n FROM novita_entries').all();
  expect((rows[0] as { n: number }).n).toBeGreaterThanOrEqual(31);
  expect(readdirSync(dirname(path)).filter((name) => name.includes('-rescue'))).toEqual([]);
});

test('deleted again and again, and once before closing: nothing is lost', async () => {
  const path = temporaryFile();
  const victim = await victimWithEvents(path);
  for (let round = 0; round < 3; round += 1) {
    remove(path, ['', '-wal', '-shm']);
    await victim.recovers();
  }
  await victim.keepsItsWord();

  remove(path, ['', '-wal', '-shm']);
  await victim.ask('close');

  const rows = openDatabase(path).prepare('SELECT count(*) AS n FROM novita_entries').all();
  expect((rows[0] as { n: number }).n).toBe(33);
});

test('deleted while somebody holds the lock: put back when the lock is gone', async () => {
  const path = temporaryFile();
  const victim = await victimWithEvents(path);
  const release = holdLock(path);
  expect(await victim.deliver(newTask())).toBe(503);

  remove(path, ['', '-wal', '-shm']);
  release();

  await victim.recovers();
  await victim.keepsItsWord();
});

test('the folder moved away and back: refused meanwhile, and nothing is lost', async () => {
  const folder = join(temporaryFolder(), 'data');
  const away = `${folder}-away`;
  mkdirSync(folder);
  const path = join(folder, 'webhooks.db');
  const victim = await victimWithEvents(path);

  renameSync(folder, away);
  expect(await victim.deliver(newTask())).toBe(503);
  expect(await victim.deliver(newTask())).toBe(503);
  expect(victim.readLog()).toMatch(/Does its folder exist/);
  renameSync(away, folder);

  await victim.recovers();
  await victim.keepsItsWord();
});

test('a folder that comes back empty gets everything that was in the one before', async () => {
  const path = temporaryFile();
  const victim = await victimWithEvents(path);

  // Away in one step: it would put files back into a folder that is being emptied.
  renameSync(dirname(path), `${dirname(path)}-gone`);
  rmSync(`${dirname(path)}-gone`, { recursive: true });
  expect(await victim.deliver(newTask())).toBe(503);
  mkdirSync(dirname(path));

  await victim.recovers();
  await victim.keepsItsWord();
});

test('replaced by a backup: it goes on with that, and not with the -wal of the file before', async () => {
  const path = temporaryFile();
  const backup = join(dirname(path), 'backup');
  const victim = await victimWithEvents(path, 5);
  openDatabase(path).exec(`VACUUM INTO '${backup}'`);
  for (let index = 0; index < 20; index += 1) await victim.deliver(newTask(), 2000);

  renameSync(backup, path);

  await victim.recovers();
  const states = await victim.ask('states');
  expect(states.length).toBeLessThanOrEqual(7);
  expect(integrity(path)).toBe('ok');
});

test('cut to nothing: refused until somebody decides, and never begun anew without a word', async () => {
  const path = temporaryFile();
  const victim = await victimWithEvents(path);
  openDatabase(path).exec('PRAGMA wal_checkpoint(TRUNCATE)');

  truncateSync(path, 0);

  for (let index = 0; index < 3; index += 1) {
    expect(await victim.deliver(newTask())).toBe(503);
    await new Promise((resolve) => setTimeout(resolve, 300)); // it tries again after 250 ms
  }
  expect(victim.readLog()).toMatch(/(cut short|damaged).*Put a backup in its place, or/);
  remove(path, ['', '-wal', '-shm']);
  await victim.recovers();
  expect((await victim.ask('states')).length).toBeLessThanOrEqual(4);
});

test('cut to half: refused until a backup is put in its place', async () => {
  const path = temporaryFile();
  const backup = join(dirname(path), 'backup');
  const victim = await victimWithEvents(path);
  await vi.waitFor(async () => {
    expect((await victim.ask('states')).every(({ state }) => state === 'done')).toBe(true);
  });
  openDatabase(path).exec(`PRAGMA wal_checkpoint(TRUNCATE)`);
  copyFileSync(path, backup);
  await victim.deliver(newTask()); // so that the -wal knows how long the file was

  truncateSync(path, statSync(path).size / 2);

  for (let index = 0; index < 3; index += 1) {
    expect(await victim.deliver(newTask())).toBe(503);
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  expect(victim.readLog()).toMatch(/(cut short|damaged).*Put a backup in its place/);
  renameSync(backup, path);
  await victim.recovers();
  expect((await victim.ask('states')).length).toBeGreaterThanOrEqual(31);
  expect(integrity(path)).toBe('ok');
});

test('made smaller in an orderly way (VACUUM by somebody else): it goes on, and nothing is lost', async () => {
  const path = temporaryFile();
  const victim = await victimWithEvents(path);
  const other = openDatabase(path);
  other.exec('CREATE TABLE ballast (x); INSERT INTO ballast VALUES (zeroblob(1000000))');
  other.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  await victim.recovers();
  const before = statSync(path).size;

  other.exec(
    'PRAGMA busy_timeout = 1000; DROP TABLE ballast; VACUUM; PRAGMA wal_checkpoint(TRUNCATE)',
  );

  expect(statSync(path).size).toBeLessThan(before);
  await victim.recovers();
  await victim.keepsItsWord();
});

function integrity(path: string): unknown {
  const [row] = openDatabase(path).prepare('PRAGMA integrity_check').all();
  return (row as { integrity_check: unknown }).integrity_check;
}
