import type { SqliteDatabase, SqliteStatement } from '@novita-webhooks/inbox-sqlite';

import type { KillPointName } from '../kill-points.ts';
import type { Reach } from '../kill-switch.ts';

/** A kind of transaction, with the kill points just before and after its commit. */
interface TransactionKind {
  readonly pattern: RegExp;
  readonly before: KillPointName;
  readonly after: KillPointName;
}

/** Recognised by their SQL: the inbox does not know that it is watched. */
const KINDS: readonly TransactionKind[] = [
  { pattern: /INSERT INTO novita_events/, before: 'commit', after: 'committed' },
  { pattern: /SET state = 'running'/, before: 'claim', after: 'claim' },
  {
    pattern: /SET state = '(done|dead|pending)', fencing_token = NULL/,
    before: 'settle',
    after: 'settle',
  },
  { pattern: /INSERT INTO crash_ledger/, before: 'transaction', after: 'transaction' },
  {
    pattern: /DELETE FROM novita_entries[^]*finished_at/,
    before: 'deleteExpired',
    after: 'deleteExpired',
  },
];

/** Calls `reach` before and after every commit, and before every statement of a migration. */
export function watchDatabase(database: SqliteDatabase, reach: Reach): SqliteDatabase {
  let current = new Set<TransactionKind>();
  let isMigration = false;

  function around<T>(sql: string, execute: () => T): T {
    if (/^\s*(BEGIN|ROLLBACK)/.test(sql)) {
      current = new Set();
      isMigration = false;
    }
    if (/^\s*COMMIT/.test(sql)) return commit(execute);
    if (/CREATE TABLE (IF NOT EXISTS )?novita_/.test(sql)) isMigration = true;
    if (isMigration) reach('migration');
    const result = execute();
    for (const kind of KINDS) {
      if (kind.pattern.test(sql) && hasChanged(result)) current.add(kind);
    }
    return result;
  }

  function commit<T>(execute: () => T): T {
    const [kinds, wasMigration] = [current, isMigration];
    if (wasMigration) reach('migration');
    for (const { before } of kinds) reach(before);
    const result = execute();
    current = new Set();
    isMigration = false;
    for (const { after } of kinds) reach(after);
    if (wasMigration) reach('migration');
    return result;
  }

  function watchStatement(sql: string, statement: SqliteStatement): SqliteStatement {
    return {
      run: (...params) => around(sql, () => statement.run(...params)),
      get: (...params) => around(sql, () => statement.get(...params)),
      all: (...params) => around(sql, () => statement.all(...params)),
    };
  }

  return {
    exec: (sql) => around(sql, () => database.exec(sql)),
    prepare: (sql) => watchStatement(sql, database.prepare(sql)),
    close: () => database.close(),
  };
}

/** Excludes deletions that find nothing, duplicates and rejected settles from the kill points. */
function hasChanged(result: unknown): boolean {
  return Number((result as { changes?: unknown } | undefined)?.changes ?? 0) > 0;
}
