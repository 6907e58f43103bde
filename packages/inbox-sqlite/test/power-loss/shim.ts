import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Which syncs reach the disk; see shim.c. */
const syncModes = ['all', 'no-fsync', 'no-fdatasync', 'none', 'failing'] as const;
export type SyncMode = (typeof syncModes)[number];

export function toSyncMode(text: string): SyncMode {
  const mode = syncModes.find((known) => known === text);
  if (mode === undefined) throw new Error(`unknown sync mode: ${text}`);
  return mode;
}

/** Returns why the simulation cannot run on this machine; `undefined` if it can. */
export function whyUnavailable(): string | undefined {
  if (process.platform !== 'linux')
    return `it needs LD_PRELOAD of Linux; this is ${process.platform}`;
  if (spawnSync('cc', ['--version']).status !== 0) return 'there is no C compiler (`cc`)';
  return undefined;
}

/** Compiles the shim into a folder. */
export function buildShim(folder: string): string {
  const shim = join(folder, 'shim.so');
  const source = fileURLToPath(new URL('./shim.c', import.meta.url));
  execFileSync('cc', ['-shared', '-fPIC', '-O1', '-Wall', '-o', shim, source, '-pthread']);
  return shim;
}
