import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Which syncs reach the disk; see shim.c. */
const honesties = ['honest', 'no-fsync', 'no-fdatasync', 'none', 'failing'] as const;
export type Honesty = (typeof honesties)[number];

export function toHonesty(text: string): Honesty {
  const honesty = honesties.find((known) => known === text);
  if (honesty === undefined) throw new Error(`no such syncs: ${text}`);
  return honesty;
}

/** Why the proof cannot be made here; `undefined` when it can. */
export function whyNot(): string | undefined {
  if (process.platform !== 'linux') return `it needs LD_PRELOAD; this is ${process.platform}`;
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
