import { appendFileSync, rmSync, writeFileSync } from 'node:fs';

import { unshare } from './needs.ts';

/**
 * Returns a command prefix that mounts a small disk at a folder and runs a command with it. The mount
 * ends with the process.
 *
 * @param filledKiB initial size of a file named `filler` on that disk
 */
export function onSmallDisk(folder: string, sizeKiB: number, filledKiB = 0): readonly string[] {
  const script =
    `mount -t tmpfs -o size=${sizeKiB}k,mode=777 none "${folder}" && ` +
    `head -c ${filledKiB * 1024} /dev/zero > "${folder}/filler" && exec "$0" "$@"`;
  return [...unshare, 'sh', '-c', script];
}

/** Returns the path of a file as a process sees it, which may have mounts of its own. */
export const seenBy = (pid: number, path: string): string => `/proc/${pid}/root${path}`;

export interface Filler {
  /** Fills the disk until only `left` bytes are free. */
  fill(left?: number): void;
  free(): void;
}

/** @param path of a file to create, on the disk to fill */
export function createFiller(path: string): Filler {
  return {
    fill(left = 0) {
      const reserve = `${path}-reserve`;
      if (left > 0) writeFileSync(reserve, Buffer.alloc(left));
      try {
        for (let size = 65_536; size >= 4096;) {
          try {
            for (;;) appendFileSync(path, Buffer.alloc(size));
          } catch {
            size /= 2;
          }
        }
      } finally {
        rmSync(reserve, { force: true });
      }
    },
    free: () => rmSync(path, { force: true }),
  };
}
