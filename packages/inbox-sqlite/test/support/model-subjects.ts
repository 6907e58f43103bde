import { sqliteStore, type SqliteDatabase } from '@novita-webhooks/inbox-sqlite';

import { createSubject, type OpenSubject } from '../../../../test/model/subjects.ts';
import { quickTemporaryFile } from './temporary-files.ts';
import type { DriverUnderTest } from './drivers.ts';

/** Opens two stores on one file. */
export const sqliteSubject =
  (driver: DriverUnderTest): OpenSubject =>
  (clock) => {
    const path = quickTemporaryFile();
    const open = () => driver.use(() => sqliteStore({ path, driver: driver.name, clock }));
    return createSubject({ name: `the SQLite store on ${driver.name}`, keepsOrder: true }, open);
  };

/** A mutation of the store's SQL: replaces `from` with `to`. */
export interface Mutation {
  readonly from: string;
  readonly to: string;
}

/** Opens two stores whose SQL is mutated, to show that the model test detects it. */
export const mutatedSubject =
  (driver: DriverUnderTest, { from, to }: Mutation): OpenSubject =>
  (clock) => {
    const path = quickTemporaryFile();
    const databases: SqliteDatabase[] = [];
    const open = () => {
      const database = driver.open(path);
      databases.push(database);
      return sqliteStore({ database: mutate(database, { from, to }), clock });
    };
    const subject = createSubject({ name: 'the mutated store', keepsOrder: true }, open);
    return {
      ...subject,
      async close() {
        await subject.close();
        for (const database of databases) database.close();
      },
    };
  };

function mutate(database: SqliteDatabase, { from, to }: Mutation): SqliteDatabase {
  return {
    exec: (sql) => database.exec(sql.replace(from, to)),
    prepare: (sql) => database.prepare(sql.replace(from, to)),
    close: () => undefined,
  };
}
