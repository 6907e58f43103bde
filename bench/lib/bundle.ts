import { build } from 'esbuild';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The folder for temporary files. It can be deleted at any time. The bundles in it import the packages
 * that only benchmarks use.
 */
export const cache: string = fileURLToPath(new URL('../node_modules/.cache/', import.meta.url));

/** The programs that run in child processes and threads. */
const ENTRIES = {
  server: fileURLToPath(new URL('./server/server-process.ts', import.meta.url)),
  'store-thread': fileURLToPath(new URL('./server/store-thread.ts', import.meta.url)),
  peers: fileURLToPath(new URL('../peers/server-process.ts', import.meta.url)),
  'peers-load': fileURLToPath(new URL('../peers/load/load-process.ts', import.meta.url)),
  receive: fileURLToPath(new URL('../receive/receive-process.ts', import.meta.url)),
  load: fileURLToPath(new URL('./load/load-process.ts', import.meta.url)),
  inbox: fileURLToPath(new URL('../engines/inbox-process.ts', import.meta.url)),
  prefill: fileURLToPath(new URL('../growth/prefill-process.ts', import.meta.url)),
};

/** The path of each bundle, by name. */
export type Bundles = Readonly<Record<keyof typeof ENTRIES, string>>;

/** Bundles the code of the workspace. Packages from npm stay external. */
export async function bundle(): Promise<Bundles> {
  mkdirSync(cache, { recursive: true });
  await build({
    entryPoints: ENTRIES,
    outdir: cache,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    tsconfig: fileURLToPath(new URL('../../tsconfig.json', import.meta.url)),
    sourcemap: true,
    logLevel: 'warning',
  });
  const bundled = Object.keys(ENTRIES).map((name) => [name, join(cache, `${name}.mjs`)]);
  return Object.fromEntries(bundled) as Bundles;
}
