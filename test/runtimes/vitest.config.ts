import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** Separate from the workspace: no alias to the source, and the runtimes are downloaded. */
export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: { include: ['test/runtimes/contract.ts'], hookTimeout: 30_000, testTimeout: 10_000 },
});
