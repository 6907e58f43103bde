import type { OpenDatabase, SqliteDatabase } from '../driver/driver.ts';
import type { FileGuard } from '../recovery/file-guard.ts';
import { rejectDamagedFile, rejectEmptiedFile } from '../recovery/integrity-checks.ts';
import { recoverFiles } from '../recovery/recover-files.ts';
import { prepareConnection, type Connection } from './connection.ts';

/** Opens one database file repeatedly, and remembers what happened to it in between. */
export interface FileOpener {
  /** @throws the driver's error; `WebhookError` when a newer release has migrated the file */
  open(): Connection;
  /**
   * Recovers the files of a connection. Must be called before that connection is closed.
   *
   * @throws when recovery is not possible now; the caller must keep the connection open and retry
   */
  recover(connection: Connection): void;
}

export function createFileOpener(path: string, openDatabase: OpenDatabase): FileOpener {
  /** The files of the previous connection, if there was one. */
  let previousGuard: FileGuard | undefined;
  let wasTruncated = false;

  function prepare(database: SqliteDatabase): Connection {
    if (wasTruncated) rejectDamagedFile(database);
    const connection = prepareConnection(database, true);
    previousGuard = connection.guard;
    wasTruncated = false;
    return connection;
  }

  return {
    open() {
      // The file may have been replaced while no connection was open.
      if (previousGuard?.detectChange() === 'replaced') {
        recoverFiles({ guard: previousGuard }, path, openDatabase);
      }
      rejectEmptiedFile(path, wasTruncated);
      const database = openDatabase(path);
      try {
        return prepare(database);
      } catch (error) {
        database.close();
        throw error;
      }
    },
    recover({ guard, database }) {
      wasTruncated ||= guard.detectChange() === 'truncated';
      recoverFiles({ guard, database }, path, openDatabase);
    },
  };
}
