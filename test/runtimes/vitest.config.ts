import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const inRoot = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** Separate from the workspace: the servers use the built core, and the runtimes are downloaded. */
export default defineConfig({
  root: inRoot('.'),
  // Only the test process uses it, so it needs no build.
  resolve: { alias: { '@novita-webhooks/testing': inRoot('packages/testing/src/index.ts') } },
  test: { include: ['test/runtimes/contract.ts'], hookTimeout: 30_000, testTimeout: 10_000 },
});
