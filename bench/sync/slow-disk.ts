import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { cache } from '../lib/bundle.ts';

/** Returns why a slow disk cannot be simulated here, or `undefined` if it can. */
export function whyNoSlowDisk(): string | undefined {
  if (process.platform !== 'linux') return `it needs LD_PRELOAD, and this is ${process.platform}`;
  if (spawnSync('cc', ['--version']).status !== 0) return 'there is no C compiler (`cc`)';
  return undefined;
}

/** Returns an environment in which every sync of a process takes `ms` longer. */
export function slowDisk(ms: number): Readonly<Record<string, string>> {
  const library = join(cache, 'slow-disk.so');
  const source = fileURLToPath(new URL('./slow-disk.c', import.meta.url));
  execFileSync('cc', ['-shared', '-fPIC', '-O1', '-Wall', '-o', library, source, '-ldl']);
  return { LD_PRELOAD: library, BENCH_SYNC_MS: String(ms), UV_USE_IO_URING: '0' };
}
