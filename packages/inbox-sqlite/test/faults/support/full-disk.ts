import { appendFileSync, rmSync, writeFileSync } from 'node:fs';

import { unshare } from './needs.ts';

/**
 * Starts what follows with a small disk of its own at a folder; it goes when the process ends.
 *
 * @param filledKiB how much of it a file named `filler` takes from the start
 */
export function onSmallDisk(folder: string, sizeKiB: number, filledKiB = 0): readonly string[] {
  const script =
    `mount -t tmpfs -o size=${sizeKiB}k,mode=777 none "${folder}" && ` +
    `head -c ${filledKiB * 1024} /dev/zero > "${folder}/filler" && exec "$0" "$@"`;
  return [...unshare, 'sh', '-c', script];
}

/** The same file as that process sees it. */
export const seenBy = (pid: number, path: string): string => `/proc/${pid}/root${path}`;

export interface Filler {
  /** Leaves only so many bytes. */
  fill(left?: number): void;
  free(): void;
}

/** @param path of a file to make, on the disk to be filled */
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
