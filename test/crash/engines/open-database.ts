import { createRequire } from 'node:module';

import type { SqliteDatabase } from '@novita-webhooks/inbox-sqlite';

/** A native library, which is loaded at run time because it cannot be bundled. */
export const DRIVER = 'libsql';

interface Options {
  readonly readonly?: boolean;
}

/** Opens a connection that the inbox does not manage. */
export function openDatabase(file: string, options: Options = {}): SqliteDatabase {
  const Database = createRequire(import.meta.url)(DRIVER) as new (
    file: string,
    options: Options,
  ) => SqliteDatabase;
  return new Database(file, options);
}
