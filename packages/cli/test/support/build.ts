import { build } from 'esbuild';
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** The command. Its folder has all it needs but the packages from npm. */
    readonly commandFile: string;
  }
}

const root = fileURLToPath(new URL('../../../../', import.meta.url));

/**
 * Bundles the command from the sources of this repository: what a test starts is fresh without a build
 * of every package, and starts fast. check-consumer.mjs runs the packed command.
 */
export default async function bundleCommand({
  provide,
}: TestProject): Promise<() => Promise<void>> {
  const folder = `${root}.cache/cli-test-${process.pid}`;
  await build({
    entryPoints: [`${root}packages/cli/src/main.ts`],
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true, // peers are loaded when they are needed
    platform: 'node',
    format: 'esm',
    target: 'node20',
    tsconfig: `${root}tsconfig.json`,
    external: [
      ...['commander', 'zod', 'pg', 'bullmq', 'ioredis', 'libsql', 'better-sqlite3'],
      ...['express', 'fastify', 'koa'],
    ],
  });
  provide('commandFile', `${folder}/main.mjs`);
  return () => rm(folder, { recursive: true, force: true });
}
