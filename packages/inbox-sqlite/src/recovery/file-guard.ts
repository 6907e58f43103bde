import { statSync } from 'node:fs';

import { FILE_LOST } from '../errors.ts';

/**
 * What has become of the files. `deleted`, `replaced`, `cut`: the database itself. `sidecar`: only
 * its -wal or -shm file.
 */
type Loss = 'deleted' | 'replaced' | 'cut' | 'sidecar';

/** Notices when the files of a database are no longer those that are open. */
export interface FileGuard {
  /** @throws an error with the code `FILE_LOST` */
  check(): void;
  loss(): Loss | undefined;
  /** Whether what is at this path now was there when the database was opened. */
  isOurs(path: string): boolean;
}

/**
 * SQLite goes on happily with a file that was deleted: what it commits then is on no disk that
 * anybody will read again. So this looks before and after each commit.
 *
 * @param path of the database, open and in WAL mode
 */
export function createFileGuard(path: string): FileGuard {
  const sidecars = [`${path}-wal`, `${path}-shm`];
  const opened = new Map([path, ...sidecars].map((name) => [name, identify(name)]));
  let size = 0;

  function isOurs(name: string, { inode, device } = identify(name)): boolean {
    const own = opened.get(name);
    return inode === own?.inode && device === own.device;
  }

  function loss(): Loss | undefined {
    const found = identify(path);
    if (found.inode === 0) return 'deleted';
    if (!isOurs(path, found)) return 'replaced';
    if (found.size < size) return 'cut';
    size = found.size;
    return sidecars.every((name) => isOurs(name)) ? undefined : 'sidecar';
  }

  return {
    loss,
    isOurs: (name) => isOurs(name),
    check() {
      const found = loss();
      if (found !== undefined) throw lost(path, found);
    },
  };
}

function identify(path: string): { inode: number; device: number; size: number } {
  const stats = statSync(path, { throwIfNoEntry: false });
  return { inode: stats?.ino ?? 0, device: stats?.dev ?? 0, size: stats?.size ?? 0 };
}

const WHAT_HAPPENED: Readonly<Record<Loss, string>> = {
  deleted: 'was deleted',
  replaced: 'was replaced by another file',
  cut: 'has become shorter',
  sidecar: 'has lost its -wal or -shm file',
};

function lost(path: string, loss: Loss): Error {
  const message = `${path} ${WHAT_HAPPENED[loss]} while in use`;
  return Object.assign(new Error(message), { code: FILE_LOST });
}
