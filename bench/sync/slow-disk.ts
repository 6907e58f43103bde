import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { cache } from '../lib/bundle.ts';

/** Why a slow disk cannot be had here; `undefined` when it can. */
export function whyNoSlowDisk(): string | undefined {
  if (process.platform !== 'linux') return `it needs LD_PRELOAD; this is ${process.platform}`;
  if (spawnSync('cc', ['--version']).status !== 0) return 'there is no C compiler (`cc`)';
  return undefined;
}

/** The environment of a process for which every sync takes so much longer. */
export function slowDisk(ms: number): Readonly<Record<string, string>> {
  const library = join(cache, 'slow-disk.so');
  const source = fileURLToPath(new URL('./slow-disk.c', import.meta.url));
  execFileSync('cc', ['-shared', '-fPIC', '-O1', '-Wall', '-o', library, source, '-ldl']);
  return { LD_PRELOAD: library, BENCH_SYNC_MS: String(ms), UV_USE_IO_URING: '0' };
}
