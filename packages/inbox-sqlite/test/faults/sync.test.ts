import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { describe, expect, test, vi } from 'vitest';

import { explain } from '../../src/errors.ts';
import { temporaryFile, temporaryFolder } from '../support/temporary-files.ts';
import { openDatabase } from './support/database.ts';
import { hasCompiler, works } from './support/needs.ts';
import { newTask, startVictim, type Victim } from './support/start-receiver.ts';

describe.runIf(hasCompiler())('a disk that fails to sync', () => {
  interface Faulty {
    readonly victim: Victim;
    readonly path: string;
    /** The next sync of a -wal file fails, or all until `mend`. */
    breakDown(how: 'once' | 'for good'): void;
    mend(): void;
    readonly isBroken: () => boolean;
  }

  async function startFaulty(): Promise<Faulty> {
    const folder = temporaryFolder();
    const [shim, fault] = ['shim.so', 'fault'].map((name) => join(folder, name));
    const source = fileURLToPath(new URL('support/shim.c', import.meta.url));
    execFileSync('cc', ['-shared', '-fPIC', '-Wall', '-o', String(shim), source, '-ldl']);
    const path = temporaryFile();
    const victim = await startVictim({
      path,
      env: {
        LD_PRELOAD: String(shim),
        FAULT_SWITCH: String(fault),
        UV_USE_IO_URING: '0', // a ring would sync past the shim
      },
    });
    return {
      victim,
      path,
      breakDown: (how) => writeFileSync(String(fault), how),
      mend: () => rmSync(String(fault)),
      isBroken: () => existsSync(String(fault)),
    };
  }

  test('refuses all that waits for it, and goes on when the disk does', async () => {
    const { victim, breakDown, mend } = await startFaulty();
    await victim.recovers();

    breakDown('for good');
    for (let round = 0; round < 3; round += 1) {
      const delivered = Array.from({ length: 20 }, () => victim.deliver(newTask()));
      expect(new Set(await Promise.all(delivered))).toEqual(new Set([503]));
    }
    expect(victim.readLog()).toMatch(/reading or writing failed\. Check the disk/);
    mend();

    await victim.recovers();
    await victim.keepsItsWord();
  });

  test('keeps its word about what comes in while a sync is failing', async () => {
    const { victim, breakDown, isBroken } = await startFaulty();
    await victim.recovers();

    breakDown('once');
    // The next look for work takes the fault, and its sync goes on for a while before it fails.
    await vi.waitFor(() => expect(isBroken()).toBe(false), { interval: 5 });
    await Promise.all(Array.from({ length: 10 }, () => victim.deliver(newTask())));

    await victim.recovers();
    await victim.keepsItsWord();
  });

  test('a backup put in place meanwhile does not get what was in the -wal', async () => {
    const { victim, path, breakDown, mend } = await startFaulty();
    await victim.recovers();
    openDatabase(path).exec(`VACUUM INTO '${path}-backup'`);
    for (let index = 0; index < 20; index += 1) await victim.deliver(newTask());
    breakDown('for good');
    expect(await victim.deliver(newTask())).toBe(503);

    renameSync(`${path}-backup`, path);
    mend();

    await victim.recovers();
    expect((await victim.ask('states')).length).toBeLessThan(5);
  });
});

const canLimit = works('too few descriptors', 'prlimit', ['--version']);

describe.runIf(canLimit)('too few descriptors', () => {
  const wrap = ['prlimit', '--nofile=200:200'];

  test.each([0, 1])('%i left when it opens anew: refused until there are more', async (left) => {
    const path = temporaryFile();
    const victim = await startVictim({ path, wrap });
    await victim.recovers();

    await victim.ask('exhaust', left);
    rmSync(`${path}-wal`);
    let log = '';
    for (let tries = 0; tries < 3; tries += 1) {
      expect(await victim.deliver(newTask())).toBe(503);
      await setTimeout(260); // for so long it leaves a file alone that is of no use
      log += victim.readLog();
    }
    expect(log).toMatch(/too many files (are )?open/);
    await victim.ask('relax');

    await victim.recovers();
    await victim.keepsItsWord();
  });

  test('with just enough to open, but not to sync: refused until there are more', async () => {
    const folder = join(temporaryFolder(), 'later');
    const victim = await startVictim({ path: join(folder, 'webhooks.db'), wrap });
    expect(await victim.deliver(newTask())).toBe(503);

    await victim.ask('exhaust', 3); // for the database, its -wal and its -shm
    mkdirSync(folder);
    expect(await victim.deliver(newTask())).toBe(503);
    expect(victim.readLog()).toMatch(/too many files (are )?open/);
    await victim.ask('relax');

    await victim.recovers();
    await victim.keepsItsWord();
  });

  test('is said with what to do about it', () => {
    const error = Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' });
    expect(explain('webhooks.db', error).message).toMatch(
      /are open\. Raise the limit \(ulimit -n\)/,
    );
  });
});
