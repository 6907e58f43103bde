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

import { isWebhookError } from '@novita-webhooks/core';
import { sqliteInbox } from '@novita-webhooks/inbox-sqlite';
import { expect, test } from 'vitest';

import { temporaryFile, temporaryFolder } from '../support/temporary-files.ts';
import { openDatabase } from './support/database.ts';
import { newTask, startVictim } from './support/start-receiver.ts';

/** What is at the path at the start, what is said about it, and what a person then does. */
const BAD: [
  name: string,
  make: (path: string) => void,
  said: RegExp,
  mend: (path: string) => void,
][] = [
  [
    'random bytes',
    (path) => writeFileSync(path, randomBytes(65_536)),
    /damaged or no SQLite database.*move it away/,
    (path) => renameSync(path, `${path}-bad`),
  ],
  [
    'a text file',
    (path) => writeFileSync(path, 'These are my notes. '.repeat(500)),
    /damaged or no SQLite database/,
    (path) => rmSync(path),
  ],
  [
    'a folder',
    (path) => mkdirSync(path),
    /cannot be opened/,
    (path) => rmSync(path, { recursive: true }),
  ],
  [
    'nothing of a file but its -wal',
    (path) => {
      writeFileSync(path, '');
      writeFileSync(`${path}-wal`, randomBytes(8192));
    },
    /cut short.*Put a backup in its place, or remove it/,
    (path) => rmSync(path),
  ],
];

test.each(BAD)(
  '%s at the start: refused until it is out of the way',
  async (_, make, said, mend) => {
    const path = temporaryFile();
    make(path);
    const victim = await startVictim({ path });

    expect(await victim.deliver(newTask())).toBe(503);
    expect(await victim.deliver(newTask())).toBe(503);
    expect(victim.readLog()).toMatch(said);
    mend(path);

    await victim.recovers();
    await victim.keepsItsWord();
  },
);

test('a folder that is missing at the start: refused until it is there', async () => {
  const folder = join(temporaryFolder(), 'later');
  const victim = await startVictim({ path: join(folder, 'webhooks.db') });

  expect(await victim.deliver(newTask())).toBe(503);
  expect(victim.readLog()).toMatch(/cannot be opened\. Does its folder exist/);
  mkdirSync(folder);

  await victim.recovers();
  await victim.keepsItsWord();
});

test('a file without a byte at the start is a new one', async () => {
  const path = temporaryFile();
  writeFileSync(path, '');
  const victim = await startVictim({ path });
  expect(await victim.deliver(newTask())).toBe(200);
  await victim.keepsItsWord();
});

test('damaged pages under a good header: refused until a backup is in its place', async () => {
  const path = temporaryFile();
  const backup = `${path}-backup`;
  const first = await startVictim({ path });
  for (let index = 0; index < 30; index += 1) await first.deliver(newTask(), 2000);
  await first.keepsItsWord();
  await first.ask('close'); // all in the one file
  await first.kill();
  copyFileSync(path, backup);
  const damaged = Buffer.concat([
    readFileSync(path).subarray(0, 4096),
    randomBytes(statSync(path).size - 4096),
  ]);
  writeFileSync(path, damaged);
  const victim = await startVictim({ path });

  expect(await victim.deliver(newTask())).toBe(503);
  expect(await victim.deliver(newTask())).toBe(503);
  expect(victim.readLog()).toMatch(/damaged.*Put a backup in its place/);
  renameSync(backup, path);

  await victim.recovers();
  await victim.keepsItsWord();
  expect((await victim.ask('states')).length).toBeGreaterThanOrEqual(31);
});

const NEWER = /has version 99, and this release.*Update the package/;

test('a file of a newer release is a mistake that stops the start', async () => {
  const path = temporaryFile();
  await sqliteInbox({ path, driver: 'libsql' }).close();
  openDatabase(path).exec('INSERT INTO novita_migrations VALUES (99)');

  const open = () => sqliteInbox({ path, driver: 'libsql' });
  expect(open).toThrow(NEWER);
  expect(open).toThrow(expect.toSatisfy((error) => isWebhookError(error, 'invalid_option')));
});

test('a newer release changes the file while this one runs: refused until one of them goes', async () => {
  const path = temporaryFile();
  const victim = await startVictim({ path });
  await victim.recovers();
  const newer = openDatabase(path);
  newer.exec('PRAGMA busy_timeout = 1000; INSERT INTO novita_migrations VALUES (99)');

  expect(await victim.deliver(newTask())).toBe(503);
  expect(victim.readLog()).toMatch(NEWER);
  newer.exec('DELETE FROM novita_migrations WHERE version = 99');

  await victim.recovers();
  await victim.keepsItsWord();
});
