import { createRequire } from 'node:module';

import type { SqliteDatabase } from '@novita-webhooks/inbox-sqlite';

/** A native library: found at run time, since it cannot be part of the victim's bundle. */
export const DRIVER = 'libsql';

interface Options {
  readonly readonly?: boolean;
}

export function openDatabase(file: string, options: Options = {}): SqliteDatabase {
  const Database = createRequire(import.meta.url)(DRIVER) as new (
    file: string,
    options: Options,
  ) => SqliteDatabase;
  return new Database(file, options);
}
