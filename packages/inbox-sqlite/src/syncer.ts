import { close, fdatasync, open } from 'node:fs';
import { promisify } from 'node:util';

/** Brings a file to disk without standing in anybody's way. */
export interface Syncer {
  /**
   * Resolves when everything written until now is on disk: after a sync that began after this
   * call. Calls that come while one is under way share the next one.
   */
  synced(): Promise<void>;
  close(): void;
}

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** @param path of a file that exists */
export function createSyncer(path: string): Syncer {
  const file = promisify(open)(path, 'r+'); // Windows syncs only what may be written to
  file.catch(() => undefined); // whoever waits for a sync hears of it
  let waiting: Waiting[] = [];
  let isSyncing = false;
  let isClosed = false;

  async function sync(): Promise<void> {
    isSyncing = true;
    while (waiting.length > 0) {
      const served = waiting;
      waiting = [];
      try {
        await promisify(fdatasync)(await file);
        for (const { resolve } of served) resolve();
      } catch (error) {
        for (const { reject } of served) reject(error);
      }
    }
    isSyncing = false;
    if (isClosed) letGo();
  }

  function letGo(): void {
    void file.then(
      (descriptor) => close(descriptor),
      () => undefined,
    );
  }

  return {
    synced: () =>
      new Promise((resolve, reject) => {
        waiting.push({ resolve, reject });
        if (!isSyncing) void sync();
      }),
    close() {
      isClosed = true;
      if (!isSyncing) letGo(); // else a sync could meet another file that has the number by then
    },
  };
}
