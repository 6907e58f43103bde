import { close, fdatasync, open } from 'node:fs';
import { promisify } from 'node:util';

/** Syncs a -wal file to disk without blocking the event loop. */
export interface WalSyncer {
  /** Resolves when everything written before the call is on disk. */
  sync(): Promise<void>;
  /** Closes the file descriptor, after a sync that is in progress. */
  close(): void;
}

/**
 * Opens a -wal file for syncs. Uses a descriptor instead of a `FileHandle`: since Node 25 a
 * `FileHandle` that is garbage-collected while open ends the process. An inbox that was dropped
 * without `close()` must not do that.
 *
 * @param path of a file that exists
 */
export function createWalSyncer(path: string): WalSyncer {
  const opening = promisify(open)(path, 'r+'); // Windows syncs only files opened for writing
  let inProgress: Promise<unknown> = opening.catch(() => undefined); // sync() reports this error
  return {
    sync() {
      const syncing = opening.then(promisify(fdatasync));
      inProgress = Promise.allSettled([inProgress, syncing]);
      return syncing;
    },
    close() {
      // Closing earlier would free the descriptor's number, and a sync could reach another file.
      const closing = inProgress.then(() => opening).then(promisify(close));
      closing.catch(() => undefined); // sync() has reported it, or there is nothing left to close
    },
  };
}
