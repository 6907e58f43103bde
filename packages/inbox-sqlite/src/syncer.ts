import { open } from 'node:fs/promises';

/** Brings a file to disk without standing in anybody's way. */
export interface Syncer {
  /** Resolves when everything written until now is on disk. */
  synced(): Promise<void>;
  /** Lets go of the file, after a sync that is under way. */
  close(): void;
}

/** @param path of a file that exists */
export function createSyncer(path: string): Syncer {
  const opening = open(path, 'r+'); // Windows syncs only what may be written to
  opening.catch(() => undefined); // whoever waits for a sync hears of it
  return {
    synced: async () => (await opening).datasync(),
    close: () => void opening.then((file) => file.close()).catch(() => undefined),
  };
}
