// The public entry: the inbox in SQLite and its store.
export type { SqliteDatabase, SqliteDriver, SqliteStatement } from './driver/driver.ts';
export { sqliteInbox, type SqliteInboxOptions } from './sqlite-inbox.ts';
export { sqliteStore, type SqliteStoreOptions } from './sqlite-store.ts';
