import type { Inbox, Store } from '@novita-webhooks/core';
import { sqliteInbox, sqliteStore, type SqliteDatabase } from '@novita-webhooks/inbox-sqlite';
import type BetterSqlite3 from 'better-sqlite3';
import type Libsql from 'libsql';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { describe, expect, expectTypeOf, test } from 'vitest';

const require = createRequire(import.meta.url);
const TYPES = {
  ours: dirname(require.resolve('@types/node/package.json')),
  'Node 22': dirname(require.resolve('node-22-types/package.json')),
  'Node 26': dirname(require.resolve('node-26-types/package.json')),
};
const root = join(import.meta.dirname, '../../..');

// These tests fail in `tsc --noEmit`: they check that the code compiles, and run nothing.
describe('sqliteInbox accepts, without a cast, connections of', () => {
  test('libsql', () => {
    expectTypeOf<Libsql.Database>().toExtend<SqliteDatabase>();
    const open = (database: Libsql.Database) => sqliteInbox({ database });
    expectTypeOf(open).returns.toEqualTypeOf<Inbox<Libsql.Database>>();
  });

  test('better-sqlite3', () => {
    expectTypeOf<BetterSqlite3.Database>().toExtend<SqliteDatabase>();
    const open = (database: BetterSqlite3.Database) => sqliteStore({ database });
    expectTypeOf(open).returns.toEqualTypeOf<Store<BetterSqlite3.Database>>();
  });

  // Needs the types of a newer Node than the rest of the repository.
  test.each(['Node 22', 'Node 26'] as const)(
    'node:sqlite, with the types of %s',
    (types) => {
      expect(typeErrorsOf(NODE_SQLITE, types)).toEqual([]);
    },
    60_000,
  );

  test('no other shape: the check reports type errors', () => {
    const wrong = NODE_SQLITE.replace('prepare', 'unknownMethod');
    expect(typeErrorsOf(wrong, 'Node 22')).toEqual([expect.stringContaining('unknownMethod')]);
    expect(typeErrorsOf(NODE_SQLITE, 'ours')).toEqual([expect.stringContaining('node:sqlite')]);
    const tooNarrow = NODE_SQLITE.replace('Inbox<DatabaseSync>', 'Inbox<{ nothing: true }>');
    expect(typeErrorsOf(tooNarrow, 'Node 22')).toHaveLength(1);
  }, 60_000);
});

test('sqliteInbox: without a connection, transactions pass a SqliteDatabase', () => {
  const open = () => sqliteInbox({ path: 'webhooks.db' });
  expectTypeOf(open).returns.toEqualTypeOf<Inbox<SqliteDatabase>>();
});

test('sqliteInbox: a wrong connection or driver does not compile', () => {
  const database = { exec: () => undefined, close: () => undefined };
  // @ts-expect-error: prepare is missing
  expect(() => sqliteInbox({ database })).toThrow();
  // @ts-expect-error: no such driver
  expect(() => sqliteInbox({ path: 'webhooks.db', driver: 'sqlite3' })).toThrow();
});

const NODE_SQLITE = `
import type { Inbox } from '@novita-webhooks/core';
import { sqliteInbox, type SqliteDatabase } from '@novita-webhooks/inbox-sqlite';
import { DatabaseSync } from 'node:sqlite';

const database = new DatabaseSync('webhooks.db');
export const connection: SqliteDatabase = database;
export const inbox: Inbox<DatabaseSync> = sqliteInbox({ database });
database.prepare('SELECT 1').all();
`;

/** Returns the errors of `tsc` for a source, with another version of `@types/node`. */
function typeErrorsOf(source: string, types: keyof typeof TYPES): string[] {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile) as {
    config: unknown;
  };
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const redirect = (name: string) => name.replace(TYPES.ours, TYPES[types]);
  const file = join(import.meta.dirname, 'in-memory.ts');
  const host = ts.createCompilerHost(options);
  const { directoryExists, fileExists, readFile, getSourceFile } = host;
  host.directoryExists = (name) => directoryExists?.(redirect(name)) ?? false;
  host.fileExists = (name) => fileExists(redirect(name));
  host.readFile = (name) => readFile(redirect(name));
  host.getSourceFile = (name, target, ...rest) =>
    name === file
      ? ts.createSourceFile(file, source, target)
      : getSourceFile(redirect(name), target, ...rest);
  const program = ts.createProgram([file], options, host);
  return ts
    .getPreEmitDiagnostics(program, program.getSourceFile(file))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
}
