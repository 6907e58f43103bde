import type { SqliteDatabase, SqliteStatement } from '@novita-webhooks/inbox-sqlite';

import type { PointName } from '../points.ts';
import type { Reach } from '../trap.ts';

/** What a transaction does, and the points just before and just after its commit. */
interface Work {
  readonly pattern: RegExp;
  readonly before: PointName;
  readonly after: PointName;
}

/** The inbox is told by its SQL: it knows nothing of being watched. */
const WORKS: readonly Work[] = [
  { pattern: /INSERT INTO novita_events/, before: 'commit', after: 'committed' },
  { pattern: /SET state = 'running'/, before: 'claim', after: 'claim' },
  {
    pattern: /SET state = '(done|dead|pending)', fencing_token = NULL/,
    before: 'settle',
    after: 'settle',
  },
  { pattern: /INSERT INTO crash_ledger/, before: 'transaction', after: 'transaction' },
  { pattern: /DELETE FROM novita_entries[^]*finished_at/, before: 'purge', after: 'purge' },
];

/** Calls `reach` around every commit, and before every statement of a migration. */
export function watchDatabase(database: SqliteDatabase, reach: Reach): SqliteDatabase {
  let doing = new Set<Work>();
  let migrates = false;

  function around<T>(sql: string, execute: () => T): T {
    if (/^\s*(BEGIN|ROLLBACK)/.test(sql)) {
      doing = new Set();
      migrates = false;
    }
    if (/^\s*COMMIT/.test(sql)) return commit(execute);
    if (/CREATE TABLE (IF NOT EXISTS )?novita_/.test(sql)) migrates = true;
    if (migrates) reach('migration');
    const result = execute();
    for (const work of WORKS) if (work.pattern.test(sql) && hasChanged(result)) doing.add(work);
    return result;
  }

  function commit<T>(execute: () => T): T {
    const [works, migrated] = [doing, migrates];
    if (migrated) reach('migration');
    for (const { before } of works) reach(before);
    const result = execute();
    doing = new Set();
    migrates = false;
    for (const { after } of works) reach(after);
    if (migrated) reach('migration');
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

/** A purge that finds nothing, a duplicate, a settle that is refused: none of them is the point. */
function hasChanged(result: unknown): boolean {
  return Number((result as { changes?: unknown } | undefined)?.changes ?? 0) > 0;
}
