import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { describe, expect, test } from 'vitest';

import { toInboxError } from '../../src/errors.ts';
import { temporaryFile, temporaryFolder } from '../support/temporary-files.ts';
import { openDatabase } from './support/database.ts';
import { hasCompiler, works } from './support/needs.ts';
import { newTask, startReceiver, type ReceiverProcess } from './support/start-receiver.ts';

describe.runIf(hasCompiler())('sqliteInbox on a disk that fails to sync', () => {
  interface FaultyDisk {
    readonly receiver: ReceiverProcess;
    readonly path: string;
    /** Makes the next sync of a -wal file fail, or all until `repair`. */
    breakSyncs(which: 'once' | 'always'): void;
    repair(): void;
    readonly isBroken: () => boolean;
  }

  async function startOnFaultyDisk(): Promise<FaultyDisk> {
    const folder = temporaryFolder();
    const [shim, fault] = ['shim.so', 'fault'].map((name) => join(folder, name));
    const source = fileURLToPath(new URL('support/shim.c', import.meta.url));
    execFileSync('cc', ['-shared', '-fPIC', '-Wall', '-o', String(shim), source, '-ldl']);
    const path = temporaryFile();
    const receiver = await startReceiver({
      path,
      env: {
        LD_PRELOAD: String(shim),
        FAULT_SWITCH: String(fault),
        UV_USE_IO_URING: '0', // io_uring bypasses the shim
      },
    });
    return {
      receiver,
      path,
      breakSyncs: (which) => writeFileSync(String(fault), which),
      repair: () => rmSync(String(fault)),
      isBroken: () => existsSync(String(fault)),
    };
  }

  test('rejects everything that waits for a sync, and works again after the repair', async () => {
    const { receiver, breakSyncs, repair } = await startOnFaultyDisk();
    await receiver.expectRecovery();

    breakSyncs('always');
    for (let round = 0; round < 3; round += 1) {
      const delivered = Array.from({ length: 20 }, () => receiver.deliver(newTask()));
      expect(new Set(await Promise.all(delivered))).toEqual(new Set([503]));
    }
    expect(receiver.readLog()).toMatch(/reading or writing failed\. Check the disk/);
    repair();

    await receiver.expectRecovery();
    await receiver.expectNothingLost();
  });

  test('loses no event that arrives while a sync is failing', async () => {
    const { receiver, breakSyncs, isBroken } = await startOnFaultyDisk();
    await receiver.expectRecovery();

    breakSyncs('once');
    // The next poll triggers the fault, and its sync takes 300 ms to fail.
    await expect.poll(isBroken, { interval: 5 }).toBe(false);
    await Promise.all(Array.from({ length: 10 }, () => receiver.deliver(newTask())));

    await receiver.expectRecovery();
    await receiver.expectNothingLost();
  });

  test('does not apply the previous -wal file to a backup', async () => {
    const { receiver, path, breakSyncs, repair } = await startOnFaultyDisk();
    await receiver.expectRecovery();
    openDatabase(path).exec(`VACUUM INTO '${path}-backup'`);
    for (let index = 0; index < 20; index += 1) await receiver.deliver(newTask());
    breakSyncs('always');
    expect(await receiver.deliver(newTask())).toBe(503);

    renameSync(`${path}-backup`, path);
    repair();

    await receiver.expectRecovery();
    expect((await receiver.call('states')).length).toBeLessThan(5);
  });
});

const canLimit = works('a limit on file descriptors', 'prlimit', ['--version']);

describe.runIf(canLimit)('sqliteInbox with too few file descriptors', () => {
  const wrap = ['prlimit', '--nofile=200:200'];

  test.each([0, 1])(
    'with %i free to reopen the file, answers 503 until more are free',
    async (left) => {
      const path = temporaryFile();
      const receiver = await startReceiver({ path, wrap });
      await receiver.expectRecovery();

      await receiver.call('exhaustDescriptors', left);
      rmSync(`${path}-wal`);
      let log = '';
      for (let tries = 0; tries < 3; tries += 1) {
        expect(await receiver.deliver(newTask())).toBe(503);
        await setTimeout(260); // longer than MIN_REOPEN_DELAY_MS
        log += receiver.readLog();
      }
      expect(log).toMatch(/too many files (are )?open/);
      await receiver.call('freeDescriptors');

      await receiver.expectRecovery();
      await receiver.expectNothingLost();
    },
  );

  test('with enough to open but not to sync, answers 503 until more are free', async () => {
    const folder = join(temporaryFolder(), 'later');
    const receiver = await startReceiver({ path: join(folder, 'webhooks.db'), wrap });
    expect(await receiver.deliver(newTask())).toBe(503);

    await receiver.call('exhaustDescriptors', 3); // for the database, its -wal and its -shm
    mkdirSync(folder);
    expect(await receiver.deliver(newTask())).toBe(503);
    expect(receiver.readLog()).toMatch(/too many files (are )?open/);
    await receiver.call('freeDescriptors');

    await receiver.expectRecovery();
    await receiver.expectNothingLost();
  });

  test('toInboxError says how to raise the limit', () => {
    const error = Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' });
    expect(toInboxError('webhooks.db', error).message).toMatch(
      /are open\. Raise the limit \(ulimit -n\)/,
    );
  });
});
