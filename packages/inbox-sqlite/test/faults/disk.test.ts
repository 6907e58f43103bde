import { chmodSync, chownSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { temporaryFile, temporaryFolder } from '../support/temporary-files.ts';
import { createFiller, onSmallDisk, seenBy, type Filler } from './support/full-disk.ts';
import { canMount, unprivileged } from './support/needs.ts';
import { newTask, startReceiver, type ReceiverProcess } from './support/start-receiver.ts';

describe.runIf(canMount())('sqliteInbox on a full disk', () => {
  async function receiverOnDisk(
    sizeKiB: number,
  ): Promise<{ receiver: ReceiverProcess; file: string; filler: Filler }> {
    const folder = temporaryFolder();
    const path = join(folder, 'webhooks.db');
    const receiver = await startReceiver({ path, wrap: onSmallDisk(folder, sizeKiB) });
    const file = seenBy(receiver.pid, path);
    return { receiver, file, filler: createFiller(join(dirname(file), 'filler')) };
  }

  /** Delivers until the disk is full. Returns how many events were accepted. */
  async function fillWithEvents(receiver: ReceiverProcess): Promise<number> {
    let accepted = 0;
    while ((await receiver.deliver(newTask(), 20_000)) === 200) accepted += 1;
    return accepted;
  }

  test('answers 503 until the disk has space', async () => {
    const { receiver, filler } = await receiverOnDisk(4096);
    await receiver.expectRecovery();

    filler.fill(200_000);
    await fillWithEvents(receiver);
    expect(await receiver.deliver(newTask(), 20_000)).toBe(503);
    expect(receiver.readLog()).toMatch(
      /cannot use .*webhooks\.db: the disk is full\. Free some space/,
    );
    filler.free();

    await receiver.expectRecovery();
    await receiver.expectNothingLost();
  });

  test('keeps events in the -wal file if a checkpoint does not fit', async () => {
    const { receiver, file, filler } = await receiverOnDisk(12_288);
    await receiver.expectRecovery();
    filler.fill(5_000_000); // a checkpoint copies 4 MB from the -wal file

    const accepted = await fillWithEvents(receiver);
    expect(accepted).toBeGreaterThan(30);
    expect(statSync(`${file}-wal`).size).toBeGreaterThan(4_000_000);
    expect(receiver.readLog()).toMatch(/the disk is full/);
    filler.free();

    await receiver.expectRecovery();
    await receiver.expectNothingLost();
    expect(statSync(file).size).toBeGreaterThan(1_000_000); // the checkpoint ran later
  });

  // Space runs out before the database exists, or its -wal file, its -shm file or its tables.
  test.each([0, 12, 60])(
    'with %i KiB free at the start, answers 503 until there is space',
    async (left) => {
      const folder = temporaryFolder();
      const path = join(folder, 'webhooks.db');
      const receiver = await startReceiver({ path, wrap: onSmallDisk(folder, 1024, 1024 - left) });

      expect(await receiver.deliver(newTask(), 100_000)).toBe(503);
      expect(receiver.readLog()).toMatch(/the disk is (not )?full/);
      createFiller(seenBy(receiver.pid, join(folder, 'filler'))).free();

      await receiver.expectRecovery();
      await receiver.expectNothingLost();
    },
  );

  test('restores a deleted file when the disk has space', async () => {
    const { receiver, file, filler } = await receiverOnDisk(4096);
    for (let index = 0; index < 20; index += 1) await receiver.deliver(newTask(), 20_000);
    filler.fill();
    for (const ending of ['', '-wal', '-shm']) rmSync(`${file}${ending}`, { force: true });

    expect(await receiver.deliver(newTask())).toBe(503);
    expect(await receiver.deliver(newTask())).toBe(503);
    expect(receiver.readLog()).toMatch(/the disk is full/);
    filler.free();

    await receiver.expectRecovery();
    await receiver.expectNothingLost();
  });
});

describe('sqliteInbox without write permission', () => {
  function ownFile(): { folder: string; path: string; setMode: (mode: number) => void } {
    const folder = join(temporaryFolder(), 'data');
    const path = join(folder, 'webhooks.db');
    mkdirSync(folder);
    chmodSync(dirname(folder), 0o755);
    if (unprivileged.uid !== undefined) chownSync(folder, unprivileged.uid, unprivileged.uid);
    return { folder, path, setMode: (mode) => chmodSync(folder, mode) };
  }

  test('answers 503 until the folder is writable', async () => {
    const { path, setMode } = ownFile();
    setMode(0o555);
    const receiver = await startReceiver({ path, ...unprivileged });

    expect(await receiver.deliver(newTask())).toBe(503);
    expect(receiver.readLog()).toMatch(/cannot be opened.*this process may write there/);
    setMode(0o755);

    await receiver.expectRecovery();
    await receiver.expectNothingLost();
  });

  test('answers 503 until the file is writable', async () => {
    const { path } = ownFile();
    const first = await startReceiver({ path, ...unprivileged });
    await first.expectRecovery();
    await first.kill();
    for (const ending of ['', '-wal', '-shm']) chmodSync(`${path}${ending}`, 0o444);
    const receiver = await startReceiver({ path, ...unprivileged });

    expect(await receiver.deliver(newTask())).toBe(503);
    expect(await receiver.deliver(newTask())).toBe(503);
    expect(receiver.readLog()).toMatch(/may not write to it\. Check the permissions/);
    for (const ending of ['', '-wal', '-shm']) chmodSync(`${path}${ending}`, 0o644);

    await receiver.expectRecovery();
    await receiver.expectNothingLost();
  });

  test('uses open files in a read-only folder, and restores deleted ones when it is writable', async () => {
    const { path, setMode } = ownFile();
    const receiver = await startReceiver({ path, ...unprivileged });
    await receiver.expectRecovery();

    setMode(0o555);
    expect(await receiver.deliver(newTask())).toBe(200);
    setMode(0o755);
    for (const ending of ['', '-wal', '-shm']) rmSync(`${path}${ending}`);
    setMode(0o555);
    expect(await receiver.deliver(newTask())).toBe(503);
    expect(await receiver.deliver(newTask())).toBe(503);
    expect(receiver.readLog()).toMatch(/this process may write there|Check the permissions/);
    setMode(0o755);

    await receiver.expectRecovery();
    await receiver.expectNothingLost();
  });

  test('does not leak descriptors while the file cannot be opened', async () => {
    const path = temporaryFile();
    mkdirSync(path);
    const receiver = await startReceiver({ path });
    const before = await receiver.call('countDescriptors');
    for (let index = 0; index < 5; index += 1) {
      expect(await receiver.deliver(newTask())).toBe(503);
      await new Promise((resolve) => setTimeout(resolve, 260));
    }
    expect(await receiver.call('countDescriptors')).toBeLessThan(before + 20);
  });
});
