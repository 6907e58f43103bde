import { sqliteStore, type SqliteDatabase } from '@novita-webhooks/inbox-sqlite';

import { createSubject, type OpenSubject } from '../../../../test/model/subjects.ts';
import { quickTemporaryFile } from './temporary-files.ts';
import type { DriverUnderTest } from './drivers.ts';

/** Two stores on one file. */
export const sqliteSubject =
  (driver: DriverUnderTest): OpenSubject =>
  (clock) => {
    const path = quickTemporaryFile();
    const open = () => driver.use(() => sqliteStore({ path, driver: driver.name, clock }));
    return createSubject({ name: `the SQLite store on ${driver.name}`, keepsOrder: true }, open);
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
    const subject = createSubject({ name: 'the broken store', keepsOrder: true }, open);
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
