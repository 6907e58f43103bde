import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** Apart from the other tests: without the alias to the source, and with runtimes to download. */
export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: { include: ['test/runtimes/contract.ts'], hookTimeout: 30_000, testTimeout: 10_000 },
});
