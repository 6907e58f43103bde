import { close, fdatasync, open } from 'node:fs';
import { promisify } from 'node:util';

/** Brings a file to disk without standing in anybody's way. */
export interface Syncer {
  /** Resolves when everything written until now is on disk. */
  synced(): Promise<void>;
  /** Lets go of the file, after a sync that is under way. */
  close(): void;
}

/**
 * By descriptor and not by `FileHandle`: from Node 25 on, one that is collected unclosed ends the
 * process, and an inbox that was dropped without `close()` must not do that.
 *
 * @param path of a file that exists
 */
export function createSyncer(path: string): Syncer {
  const opening = promisify(open)(path, 'r+'); // Windows syncs only what may be written to
  let underWay: Promise<unknown> = opening.catch(() => undefined); // whoever waits for a sync hears of it
  return {
    synced() {
      const syncing = opening.then(promisify(fdatasync));
      underWay = Promise.allSettled([underWay, syncing]);
      return syncing;
    },
    close() {
      // Not before, or the sync could meet another file that has the number by then.
      const closing = underWay.then(() => opening).then(promisify(close));
      closing.catch(() => undefined);
    },
  };
}
