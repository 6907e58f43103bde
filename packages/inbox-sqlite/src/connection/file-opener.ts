import { prepareConnection, type Connection } from './connection.ts';
import { refuseDamaged, refuseEmptied } from '../recovery/integrity-checks.ts';
import type { OpenDatabase, SqliteDatabase } from '../driver/driver.ts';
import type { FileGuard } from '../recovery/file-guard.ts';
import { rescue } from '../recovery/recover-files.ts';

/** Opens one file, as often as need be, and remembers what has become of it. */
export interface Opener {
  /** @throws what the driver throws, `WebhookError` for a file from a newer version */
  open(): Connection;
  /**
   * Has to be called when the files of a connection are lost, before it is closed.
   *
   * @throws when it cannot be made good now; the connection is still needed then
   */
  makeGood(connection: Connection): void;
}

export function createOpener(path: string, openDatabase: OpenDatabase): Opener {
  /** The files of the connection before, if there was one. */
  let former: FileGuard | undefined;
  let isCut = false;

  function prepare(database: SqliteDatabase): Connection {
    if (isCut) refuseDamaged(database);
    const connection = prepareConnection(database, true);
    former = connection.guard;
    isCut = false;
    return connection;
  }

  return {
    open() {
      // Somebody may have replaced it while nothing was open.
      if (former?.loss() === 'replaced') rescue({ guard: former }, path, openDatabase);
      refuseEmptied(path, isCut);
      const database = openDatabase(path);
      try {
        return prepare(database);
      } catch (error) {
        database.close();
        throw error;
      }
    },
    makeGood({ guard, database }) {
      isCut ||= guard.loss() === 'cut';
      rescue({ guard, database }, path, openDatabase);
    },
  };
}
