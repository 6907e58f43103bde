import { statSync } from 'node:fs';

import { FILES_CHANGED } from '../errors.ts';

/**
 * What happened to the files while in use. `deleted`, `replaced` and `truncated` concern the
 * database file, `sidecar` its -wal or -shm file.
 */
type FileChange = 'deleted' | 'replaced' | 'truncated' | 'sidecar';

/** Detects that the files at a database's paths are no longer the files that are open. */
export interface FileGuard {
  /** @throws an error with the code `FILES_CHANGED` */
  check(): void;
  detectChange(): FileChange | undefined;
  /** Returns whether the file at a path is the one that was there when the database was opened. */
  isSameFile(path: string): boolean;
}

/**
 * Remembers the identity of a database's files. SQLite keeps committing to a deleted file, where no
 * process will read it. So the inbox checks the files before and after each commit.
 *
 * @param path of the database, open and in WAL mode
 */
export function createFileGuard(path: string): FileGuard {
  const sidecars = [`${path}-wal`, `${path}-shm`];
  const opened = new Map([path, ...sidecars].map((name) => [name, identify(name)]));
  let size = 0;

  function isSameFile(name: string, { inode, device } = identify(name)): boolean {
    const original = opened.get(name);
    return inode === original?.inode && device === original.device;
  }

  function detectChange(): FileChange | undefined {
    const current = identify(path);
    if (current.inode === 0) return 'deleted';
    if (!isSameFile(path, current)) return 'replaced';
    if (current.size < size) return 'truncated';
    size = current.size;
    return sidecars.every((name) => isSameFile(name)) ? undefined : 'sidecar';
  }

  return {
    detectChange,
    isSameFile: (name) => isSameFile(name),
    check() {
      const change = detectChange();
      if (change !== undefined) throw filesChangedError(path, change);
    },
  };
}

function identify(path: string): { inode: number; device: number; size: number } {
  const stats = statSync(path, { throwIfNoEntry: false });
  return { inode: stats?.ino ?? 0, device: stats?.dev ?? 0, size: stats?.size ?? 0 };
}

const DESCRIPTIONS: Readonly<Record<FileChange, string>> = {
  deleted: 'was deleted',
  replaced: 'was replaced by another file',
  truncated: 'became shorter',
  sidecar: 'lost its -wal or -shm file',
};

function filesChangedError(path: string, change: FileChange): Error {
  const message = `${path} ${DESCRIPTIONS[change]} while in use`;
  return Object.assign(new Error(message), { code: FILES_CHANGED });
}
