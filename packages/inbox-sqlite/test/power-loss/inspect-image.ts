import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Entry } from '@novita-webhooks/core';
import Database from 'libsql';

import { entryOf } from './test-entries.ts';
import type { Audit, Ledger } from './checker.ts';
import type { Image, Variant } from './power-cut.ts';
import { openSubject, type Subject, type SubjectName } from './stores-under-test.ts';

/** What was found when the power was back; `broken`: why it could not be used. */
export type Finding = Audit & { readonly broken: string | null };

const NAME = 'inbox.db';
const NONSENSE_SHM = Buffer.alloc(32 * 1024, 0xa5);

/** Puts an image onto a disk, opens it as an application would, and looks. */
export async function inspect(
  folder: string,
  image: Image,
  variant: Variant,
  name: SubjectName,
  ledger: Ledger,
): Promise<Finding> {
  putOnDisk(folder, image, variant);
  const path = join(folder, NAME);
  try {
    const entries = await useSubject(await openSubject(name, path));
    return { ...ledger.audit(entries), broken: checkIntegrity(path) };
  } catch (error) {
    // What could not be read cannot be counted, but it is lost.
    return { ...ledger.audit([]), broken: String(error) };
  }
}

function putOnDisk(folder: string, image: Image, variant: Variant): void {
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder)) rmSync(join(folder, name));
  for (const [name, content] of image) writeFileSync(join(folder, name), content);
  // The trace leaves it out, because nothing in it may count.
  if (variant === 'garbage') writeFileSync(join(folder, `${NAME}-shm`), NONSENSE_SHM);
}

async function useSubject(subject: Subject): Promise<readonly Entry[]> {
  try {
    const entries = await listAll(subject);
    const probe = await subject.add(entryOf('probe'));
    if (probe !== 'added') throw new Error(`a new entry is said to be ${probe}`);
    return entries;
  } finally {
    await subject.close();
  }
}

async function listAll(subject: Subject): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  let cursor: string | undefined;
  do {
    const page = await subject.list({ limit: 1000, cursor });
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
