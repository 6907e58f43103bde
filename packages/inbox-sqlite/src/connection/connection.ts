import type { SqliteDatabase, SqliteStatement } from '../driver/driver.ts';
import { createFileGuard, type FileGuard } from '../recovery/file-guard.ts';
import { migrate, refuseNewer } from '../migrations/migrate.ts';
import { rewriteWal } from '../recovery/rewrite-wal.ts';
import { createSyncer } from './wal-syncer.ts';

/** A database that is ready for use. */
export interface Connection {
  readonly database: SqliteDatabase;
  /** Prepared once. */
  statement(sql: string): SqliteStatement;
  readonly guard: FileGuard;
  /** @throws WebhookError `invalid_option` when a newer release has changed the file meanwhile */
  checkVersion(): void;
  /** Resolves when everything committed until now is on disk. */
  synced(): Promise<void>;
  /** Lets go of everything but the database itself. */
  release(): void;
}

/**
 * For connections that are ours. The commit itself does not wait for the disk, which would stop the
 * event loop; `synced` does, and nothing is acknowledged before. See docs/decisions/0011.
 */
const OWN = `
  PRAGMA busy_timeout = 0;             -- waiting is done by timers: SQLite's own would block
  PRAGMA synchronous = NORMAL;
  PRAGMA fullfsync = 1;                -- macOS: through the drive's cache as well
  PRAGMA checkpoint_fullfsync = 1;
  PRAGMA cache_size = -32768;          -- KiB
  PRAGMA journal_size_limit = 67108864; -- bytes: what a burst leaves behind is given back
`;

/**
 * Fails where the file cannot be written to now. Before anything is prepared: libsql closes a
 * connection with statements only when they are collected, and until then a new one shares with it
 * that it may only read.
 */
const TRY = 'PRAGMA journal_mode = WAL; BEGIN IMMEDIATE; ROLLBACK';

/** @param isOwn whether its settings are ours to choose */
export function prepareConnection(database: SqliteDatabase, isOwn: boolean): Connection {
  if (isOwn) database.exec(OWN + TRY);
  useWal(database);
  const path = pathOf(database);
  rewriteWal(database, path);
  migrate(database);
  const statements = new Map<string, SqliteStatement>();
  const guard = createFileGuard(path);
  const syncer = createSyncer(`${path}-wal`);

  function statement(sql: string): SqliteStatement {
    let prepared = statements.get(sql);
    if (prepared === undefined) statements.set(sql, (prepared = database.prepare(sql)));
    return prepared;
  }

  return {
    database,
    guard,
    statement,
    checkVersion: () => refuseNewer(statement),
    synced: syncer.synced,
    release: syncer.close,
  };
}

function useWal(database: SqliteDatabase): void {
  const [row] = database.prepare('PRAGMA journal_mode = WAL').all();
  const mode = (row as { journal_mode?: unknown } | undefined)?.journal_mode;
  if (mode !== 'wal') {
    throw new Error(`journal mode is ${String(mode)}, not wal; is it on a network file system?`);
  }
}

/** The file of a database, as an absolute path; `''` for one in memory. */
export function pathOf(database: SqliteDatabase): string {
  const rows = database.prepare('PRAGMA database_list').all() as { name: string; file: string }[];
  return rows.find(({ name }) => name === 'main')?.file ?? '';
}
