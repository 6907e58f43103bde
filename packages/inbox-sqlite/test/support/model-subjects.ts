import { memoryStore, type Clock, type Store } from '@novita-webhooks/core';
import { sqliteStore, type SqliteDatabase } from '@novita-webhooks/inbox-sqlite';

import { quickTemporaryFile } from './files.ts';
import type { DriverUnderTest } from './drivers.ts';

/** A store that is put to the same as the reference. */
export interface Subject {
  readonly name: string;
  /** Several where one place is open several times; they are used in turn. */
  stores(): readonly Store[];
  /** Makes new stores for the same place. `abandoned`: without closing the old ones before. */
  reopen(abandoned: boolean): Promise<void>;
  close(): Promise<void>;
}

export type OpenSubject = (clock: Clock) => Subject;

export const memorySubject: OpenSubject = (clock) => {
  const store = memoryStore({ clock });
  return {
    name: 'the memory store',
    stores: () => [store],
    reopen: async () => undefined,
    close: () => store.close(),
  };
};

/** Two stores on one file. */
export const sqliteSubject =
  (driver: DriverUnderTest): OpenSubject =>
  (clock) => {
    const path = quickTemporaryFile();
    const open = () => driver.use(() => sqliteStore({ path, driver: driver.name, clock }));
    return createFileSubject(`the SQLite store on ${driver.name}`, open);
  };

/** A slip in the SQL of the store: what stands there, and what might have. */
export interface Slip {
  readonly from: string;
  readonly to: string;
}

/** One whose SQL is not what it should be: to show that this is noticed. */
export const brokenSubject =
  (driver: DriverUnderTest, { from, to }: Slip): OpenSubject =>
  (clock) => {
    const path = quickTemporaryFile();
    const databases: SqliteDatabase[] = [];
    const open = () => {
      const database = driver.open(path);
      databases.push(database);
      return sqliteStore({ database: withSlip(database, { from, to }), clock });
    };
    const subject = createFileSubject('the broken store', open);
    return {
      ...subject,
      async close() {
        await subject.close();
        for (const database of databases) database.close();
      },
    };
  };

function withSlip(database: SqliteDatabase, { from, to }: Slip): SqliteDatabase {
  return {
    exec: (sql) => database.exec(sql.replace(from, to)),
    prepare: (sql) => database.prepare(sql.replace(from, to)),
    close: () => undefined,
  };
}

function createFileSubject(name: string, open: () => Store): Subject {
  let stores = [open(), open()];
  const abandoned: Store[] = [];
  return {
    name,
    stores: () => stores,
    async reopen(isAbandoned) {
      if (isAbandoned) abandoned.push(...stores);
      else for (const store of stores) await store.close();
      stores = [open(), open()];
    },
    async close() {
      for (const store of [...abandoned, ...stores]) await store.close();
    },
  };
}
