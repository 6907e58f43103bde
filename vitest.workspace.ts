import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const root = fileURLToPath(new URL('.', import.meta.url));

/** Of this repository, or of scripts/test-bullmq.mjs: programs that tests start find it by this name. */
const tsconfig = JSON.parse(
  readFileSync(process.env['TSX_TSCONFIG_PATH'] ?? `${root}tsconfig.json`, 'utf8'),
) as { readonly compilerOptions: { readonly paths: Readonly<Record<string, readonly string[]>> } };

/** Tests run from source: the same paths that TypeScript resolves. */
const alias = Object.entries(tsconfig.compilerOptions.paths).map(([name, [file]]) => ({
  find: new RegExp(`^${name}$`),
  replacement: fileURLToPath(new URL(file ?? '', import.meta.url)),
}));

const project = (
  name: string,
  folder: string,
  { without = [], globalSetup = [] }: { without?: string[]; globalSetup?: string[] } = {},
) => ({
  resolve: { alias },
  root,
  test: {
    name,
    include: [`${folder}/**/*.test.ts`],
    globalSetup,
    // Tests wait for each other's processes and disks; what hangs is found all the same.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 10_000 } },
    exclude: ['**/node_modules/**', '**/dist/**', ...without],
  },
});

export default defineConfig({
  test: {
    // Most of their time tests wait: for timers, sockets, disks.
    maxWorkers: 2 * availableParallelism(),
    projects: [
      project('cli', 'packages/cli/test', { globalSetup: ['packages/cli/test/support/build.ts'] }),
      project('core', 'packages/core/test'),
      project('express', 'packages/express/test'),
      project('fastify', 'packages/fastify/test'),
      project('koa', 'packages/koa/test'),
      project('inbox-bullmq', 'packages/inbox-bullmq/test'),
      project('inbox-postgres', 'packages/inbox-postgres/test'),
      project('inbox-sqlite', 'packages/inbox-sqlite/test'),
      project('simulator', 'packages/simulator/test'),
      project('testing', 'packages/testing/test'),
      project('examples', 'examples'),
      project('crash', 'test/crash'),
      project('fuzz', 'test/fuzz'),
      project('repository', 'test', { without: ['test/crash/**', 'test/fuzz/**'] }),
    ],
  },
});
