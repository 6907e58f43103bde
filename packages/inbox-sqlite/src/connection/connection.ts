import { filePathOf, type SqliteDatabase, type SqliteStatement } from '../driver/driver.ts';
import { migrate, rejectNewerVersion } from '../migrations/migrate.ts';
import { createFileGuard, type FileGuard } from '../recovery/file-guard.ts';
import { rewriteWal } from '../recovery/rewrite-wal.ts';
import { dropTemporary, keepSettings } from './session.ts';
import { createWalSyncer } from './wal-syncer.ts';

type Params = Readonly<Record<string, unknown>>;

/** A database that is migrated and ready for operations. */
export interface Connection {
  readonly database: SqliteDatabase;
  /** Runs a statement, which is prepared once. Returns the number of changed rows. */
  run(sql: string, params: Params): number;
  /** Runs a query, which is prepared once. Returns its rows. */
  all(sql: string, params?: Params): unknown[];
  readonly guard: FileGuard;
  /**
   * Undoes what other code on the connection may have left. `synchronous = OFF`: a checkpoint would not wait
   * for the disk, and a power failure could lose what was acknowledged. Higher levels stay. Temporary
   * triggers and tables: see `dropTemporary`.
   */
  requireDurability(): void;
  /** See {@link keepSettings}. */
  keepSettings(): () => void;
  /** @throws WebhookError `invalid_option` when a newer release has migrated the file meanwhile */
  checkVersion(): void;
  /** Resolves when everything committed before the call is on disk. */
  sync(): Promise<void>;
  /** Frees everything except the database itself. */
  release(): void;
}

/**
 * Settings for connections that the inbox opens itself. COMMIT does not wait for the disk, which
 * would block the event loop. Instead `sync` waits before an operation is acknowledged. See
 * docs/decisions/0011.
 */
const PRAGMAS = `
  PRAGMA busy_timeout = 0;              -- the writer waits with timers; SQLite would block
  PRAGMA synchronous = NORMAL;
  PRAGMA fullfsync = 1;                 -- macOS: flush the cache of the drive as well
  PRAGMA checkpoint_fullfsync = 1;
  PRAGMA cache_size = -32768;           -- KiB
  PRAGMA journal_size_limit = 67108864; -- bytes; shrinks the -wal file after a burst
`;

/**
 * Fails if the file is not writable now. Runs before any statement is prepared: libsql keeps a
 * closed connection until its statements are garbage-collected, and until then a new connection to
 * the same file inherits its read-only state.
 */
const PROBE_WRITE = 'PRAGMA journal_mode = WAL; BEGIN IMMEDIATE; ROLLBACK';

/** @param isOwn whether the inbox opened the connection and may change its settings */
export function prepareConnection(database: SqliteDatabase, isOwn: boolean): Connection {
  if (isOwn) database.exec(PRAGMAS + PROBE_WRITE);
  enableWal(database);
  const path = filePathOf(database);
  rewriteWal(database, path);
  migrate(database);
  const statements = new Map<string, SqliteStatement>();
  const guard = createFileGuard(path);
  const syncer = createWalSyncer(`${path}-wal`);

  function statement(sql: string): SqliteStatement {
    let prepared = statements.get(sql);
    if (prepared === undefined) statements.set(sql, (prepared = database.prepare(sql)));
    return prepared;
  }

  const all = (sql: string, ...params: Params[]) => statement(sql).all(...params);

  return {
    database,
    guard,
    run: (sql, params) => Number(statement(sql).run(params).changes),
    all,
    requireDurability() {
      const [row] = all('PRAGMA synchronous') as { synchronous: number }[];
      if (row?.synchronous === 0) database.exec('PRAGMA synchronous = NORMAL');
      dropTemporary(database, all);
    },
    keepSettings: () => keepSettings(database, all),
    checkVersion: () => rejectNewerVersion(all),
    sync: syncer.sync,
    release: syncer.close,
  };
}

function enableWal(database: SqliteDatabase): void {
  const [row] = database.prepare('PRAGMA journal_mode = WAL').all();
  const mode = (row as { journal_mode?: unknown } | undefined)?.journal_mode;
  if (mode !== 'wal') {
    throw new Error(`journal mode is ${String(mode)} instead of wal. Use a local file system.`);
  }
}
