import { chmodSync, chownSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { temporaryFile, temporaryFolder } from '../support/temporary-files.ts';
import { createFiller, onSmallDisk, seenBy, type Filler } from './support/full-disk.ts';
import { canMount, nobody } from './support/needs.ts';
import { newTask, startVictim, type Victim } from './support/start-receiver.ts';

describe.runIf(canMount())('a disk that is full', () => {
  async function victimOnDisk(
    sizeKiB: number,
  ): Promise<{ victim: Victim; file: string; filler: Filler }> {
    const folder = temporaryFolder();
    const path = join(folder, 'webhooks.db');
    const victim = await startVictim({ path, wrap: onSmallDisk(folder, sizeKiB) });
    const file = seenBy(victim.pid, path);
    return { victim, file, filler: createFiller(join(dirname(file), 'filler')) };
  }

  /** Delivers until nothing more fits. */
  async function fillWithEvents(victim: Victim): Promise<number> {
    let taken = 0;
    while ((await victim.deliver(newTask(), 20_000)) === 200) taken += 1;
    return taken;
  }

  test('refuses what does not fit, and takes it when there is room again', async () => {
    const { victim, filler } = await victimOnDisk(4096);
    await victim.recovers();

    filler.fill(200_000);
    await fillWithEvents(victim);
    expect(await victim.deliver(newTask(), 20_000)).toBe(503);
    expect(victim.readLog()).toMatch(/webhooks\.db: the disk is full\. Free some space/);
    filler.free();

    await victim.recovers();
    await victim.keepsItsWord();
  });

  test('may be full when a checkpoint is due: the -wal keeps what the database has no room for', async () => {
    const { victim, file, filler } = await victimOnDisk(12_288);
    await victim.recovers();
    filler.fill(5_000_000); // a checkpoint is due after 4 MB in the -wal, and doubles them

    const taken = await fillWithEvents(victim);
    expect(taken).toBeGreaterThan(30);
    expect(statSync(`${file}-wal`).size).toBeGreaterThan(4_000_000);
    expect(victim.readLog()).toMatch(/the disk is full/);
    filler.free();

    await victim.recovers();
    await victim.keepsItsWord();
    expect(statSync(file).size).toBeGreaterThan(1_000_000); // and the checkpoint was made up for
  });

  // Wherever it ends: before the database is there, or its -wal, its -shm, its tables.
  test.each([0, 12, 60])(
    'with %i KiB left at the start: begins when there is room',
    async (left) => {
      const folder = temporaryFolder();
      const path = join(folder, 'webhooks.db');
      const victim = await startVictim({ path, wrap: onSmallDisk(folder, 1024, 1024 - left) });

      expect(await victim.deliver(newTask(), 100_000)).toBe(503);
      expect(victim.readLog()).toMatch(/the disk is full|is the disk full/);
      createFiller(seenBy(victim.pid, join(folder, 'filler'))).free();

      await victim.recovers();
      await victim.keepsItsWord();
    },
  );

  test('deleted while the disk is full: it cannot be put back, and is when there is room', async () => {
    const { victim, file, filler } = await victimOnDisk(4096);
    for (let index = 0; index < 20; index += 1) await victim.deliver(newTask(), 20_000);
    filler.fill();
    for (const ending of ['', '-wal', '-shm']) rmSync(`${file}${ending}`, { force: true });

    expect(await victim.deliver(newTask())).toBe(503);
    expect(await victim.deliver(newTask())).toBe(503);
    expect(victim.readLog()).toMatch(/the disk is full/);
    filler.free();

    await victim.recovers();
    await victim.keepsItsWord();
  });
});

describe('what may not be written to', () => {
  function ownFile(): { folder: string; path: string; setMode: (mode: number) => void } {
    const folder = join(temporaryFolder(), 'data');
    const path = join(folder, 'webhooks.db');
    mkdirSync(folder);
    chmodSync(dirname(folder), 0o755);
    if (nobody.uid !== undefined) chownSync(folder, nobody.uid, nobody.uid);
    return { folder, path, setMode: (mode) => chmodSync(folder, mode) };
  }

  test('a folder at the start: refused until it may be written to', async () => {
    const { path, setMode } = ownFile();
    setMode(0o555);
    const victim = await startVictim({ path, ...nobody });

    expect(await victim.deliver(newTask())).toBe(503);
    expect(victim.readLog()).toMatch(/cannot be opened.*may this process write there/);
    setMode(0o755);

    await victim.recovers();
    await victim.keepsItsWord();
  });

  test('a file at the start: refused until it may be written to', async () => {
    const { path } = ownFile();
    const first = await startVictim({ path, ...nobody });
    await first.recovers();
    await first.kill();
    for (const ending of ['', '-wal', '-shm']) chmodSync(`${path}${ending}`, 0o444);
    const victim = await startVictim({ path, ...nobody });

    expect(await victim.deliver(newTask())).toBe(503);
    expect(await victim.deliver(newTask())).toBe(503);
    expect(victim.readLog()).toMatch(/cannot be written to\. Check the permissions/);
    for (const ending of ['', '-wal', '-shm']) chmodSync(`${path}${ending}`, 0o644);

    await victim.recovers();
    await victim.keepsItsWord();
  });

  test('a folder while running: what is open goes on, what is lost is not put back before it may', async () => {
    const { path, setMode } = ownFile();
    const victim = await startVictim({ path, ...nobody });
    await victim.recovers();

    setMode(0o555);
    expect(await victim.deliver(newTask())).toBe(200);
    setMode(0o755);
    for (const ending of ['', '-wal', '-shm']) rmSync(`${path}${ending}`);
    setMode(0o555);
    expect(await victim.deliver(newTask())).toBe(503);
    expect(await victim.deliver(newTask())).toBe(503);
    expect(victim.readLog()).toMatch(/may this process write there|Check the permissions/);
    setMode(0o755);

    await victim.recovers();
    await victim.keepsItsWord();
  });

  test('a refusal that lasts does not use up descriptors', async () => {
    const path = temporaryFile();
    mkdirSync(path);
    const victim = await startVictim({ path });
    const before = await victim.ask('descriptors');
    for (let index = 0; index < 5; index += 1) {
      expect(await victim.deliver(newTask())).toBe(503);
      await new Promise((resolve) => setTimeout(resolve, 260));
    }
    expect(await victim.ask('descriptors')).toBeLessThan(before + 20);
  });
});
