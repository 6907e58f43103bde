import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Entry } from '@novita-webhooks/core';
import Database from 'libsql';

import type { Checker, CheckResult } from './checker.ts';
import type { DiskImage, Variant } from './power-cut.ts';
import { openStore, type StoreName, type StoreUnderTest } from './stores-under-test.ts';
import { entryOf } from './test-entries.ts';

/** The result for one image; `unusable` is the error if the store could not use it. */
export type Finding = CheckResult & { readonly unusable: string | null };

const NAME = 'inbox.db';
const GARBAGE_SHM = Buffer.alloc(32 * 1024, 0xa5);

/** Writes an image to a folder, opens it as an application would, and checks its entries. */
export async function inspectImage(
  folder: string,
  image: DiskImage,
  variant: Variant,
  name: StoreName,
  checker: Checker,
): Promise<Finding> {
  writeImage(folder, image, variant);
  const path = join(folder, NAME);
  try {
    const entries = await useStore(await openStore(name, path));
    return { ...checker.check(entries), unusable: checkIntegrity(path) };
  } catch (error) {
    // Entries that cannot be read count as lost.
    return { ...checker.check([]), unusable: String(error) };
  }
}

function writeImage(folder: string, image: DiskImage, variant: Variant): void {
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder)) rmSync(join(folder, name));
  for (const [name, content] of image) writeFileSync(join(folder, name), content);
  // The trace has no -shm file, because SQLite must not rely on its content.
  if (variant === 'garbage') writeFileSync(join(folder, `${NAME}-shm`), GARBAGE_SHM);
}

async function useStore(store: StoreUnderTest): Promise<readonly Entry[]> {
  try {
    const entries = await listAll(store);
    const result = await store.add(entryOf('probe'));
    if (result !== 'added') throw new Error(`adding a new entry returned ${result}`);
    return entries;
  } finally {
    await store.close();
  }
}

async function listAll(store: StoreUnderTest): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  let cursor: string | undefined;
  do {
    const page = await store.list({ limit: 1000, cursor });
    entries.push(...page.entries);
    cursor = page.cursor ?? undefined;
  } while (cursor !== undefined);
  return entries;
}

function checkIntegrity(path: string): string | null {
  const database = new Database(path);
  try {
    const rows = database.prepare('PRAGMA integrity_check').all() as { integrity_check: string }[];
    const found = rows.map((row) => row.integrity_check).join('; ');
    return found === 'ok' ? null : found;
  } finally {
    database.close();
  }
}
