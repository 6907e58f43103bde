import { randomBytes } from 'node:crypto';
import {
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

import { sqliteInbox } from '@novita-webhooks/inbox-sqlite';
import { expect, test } from 'vitest';

import { temporaryFile, temporaryFolder } from '../support/temporary-files.ts';
import { openDatabase } from './support/database.ts';
import { newTask, startReceiver } from './support/start-receiver.ts';

/** What is at the path at the start, what the log says about it, and what the operator then does. */
const UNUSABLE: [
  name: string,
  create: (path: string) => void,
  logged: RegExp,
  repair: (path: string) => void,
][] = [
  [
    'random bytes',
    (path) => writeFileSync(path, randomBytes(65_536)),
    /damaged or not a SQLite database.*move it away/,
    (path) => renameSync(path, `${path}-bad`),
  ],
  [
    'a text file',
    (path) => writeFileSync(path, 'These are my notes. '.repeat(500)),
    /damaged or not a SQLite database/,
    (path) => rmSync(path),
  ],
  [
    'a folder',
    (path) => mkdirSync(path),
    /cannot be opened/,
    (path) => rmSync(path, { recursive: true }),
  ],
  [
    'an empty file with a -wal file',
    (path) => {
      writeFileSync(path, '');
      writeFileSync(`${path}-wal`, randomBytes(8192));
    },
    /truncated.*Replace it with a backup, or remove it/,
    (path) => rmSync(path),
  ],
];

test.each(UNUSABLE)(
  'sqliteInbox: with %s at its path, answers 503 until it is removed',
  async (_, create, logged, repair) => {
    const path = temporaryFile();
    create(path);
    const receiver = await startReceiver({ path });

    expect(await receiver.deliver(newTask())).toBe(503);
    expect(await receiver.deliver(newTask())).toBe(503);
    expect(receiver.readLog()).toMatch(logged);
    repair(path);

    await receiver.expectRecovery();
    await receiver.expectNothingLost();
  },
);

test('sqliteInbox: answers 503 until the missing folder exists', async () => {
  const folder = join(temporaryFolder(), 'later');
  const receiver = await startReceiver({ path: join(folder, 'webhooks.db') });

  expect(await receiver.deliver(newTask())).toBe(503);
  expect(receiver.readLog()).toMatch(/cannot be opened\. Check that its folder exists/);
  mkdirSync(folder);

  await receiver.expectRecovery();
  await receiver.expectNothingLost();
});

test('sqliteInbox: takes an empty file for a new one', async () => {
  const path = temporaryFile();
  writeFileSync(path, '');
  const receiver = await startReceiver({ path });
  expect(await receiver.deliver(newTask())).toBe(200);
  await receiver.expectNothingLost();
});

test('sqliteInbox: answers 503 for damaged pages until a backup replaces the file', async () => {
  const path = temporaryFile();
  const backup = `${path}-backup`;
  const first = await startReceiver({ path });
  for (let index = 0; index < 30; index += 1) await first.deliver(newTask(), 2000);
  await first.expectNothingLost();
  await first.call('close'); // moves everything into the database file
  await first.kill();
  copyFileSync(path, backup);
  const damaged = Buffer.concat([
    readFileSync(path).subarray(0, 4096),
    randomBytes(statSync(path).size - 4096),
  ]);
  writeFileSync(path, damaged);
  const receiver = await startReceiver({ path });

  expect(await receiver.deliver(newTask())).toBe(503);
  expect(await receiver.deliver(newTask())).toBe(503);
  expect(receiver.readLog()).toMatch(/damaged.*Replace it with a backup/);
  renameSync(backup, path);

  await receiver.expectRecovery();
  await receiver.expectNothingLost();
  expect((await receiver.call('states')).length).toBeGreaterThanOrEqual(31);
});

const NEWER = /schema version 99, but this release.*Update @novita-webhooks/;

test('sqliteInbox: the first use of a file that a newer release has migrated is rejected', async () => {
  const path = temporaryFile();
  const older = sqliteInbox({ path, driver: 'libsql' });
  await older.stats();
  await older.close();
  openDatabase(path).exec('INSERT INTO novita_migrations VALUES (99)');

  const newer = sqliteInbox({ path, driver: 'libsql' });
  await expect(newer.stats()).rejects.toThrow(NEWER);
  await expect(newer.stats()).rejects.toMatchObject({ code: 'invalid_option' });
});

test('sqliteInbox: answers 503 while a file in use has a newer schema version', async () => {
  const path = temporaryFile();
  const receiver = await startReceiver({ path });
  await receiver.expectRecovery();
  const newer = openDatabase(path);
  newer.exec('INSERT INTO novita_migrations VALUES (99)');

  expect(await receiver.deliver(newTask())).toBe(503);
  expect(receiver.readLog()).toMatch(NEWER);
  newer.exec('DELETE FROM novita_migrations WHERE version = 99');

  await receiver.expectRecovery();
  await receiver.expectNothingLost();
});
