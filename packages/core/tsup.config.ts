import { defineConfig } from 'tsup';

export default defineConfig({
  entry: {
    index: 'src/index.ts',
    'node/index': 'src/adapters/node/index.ts',
  },
  format: ['esm', 'cjs'],
  target: 'es2022',
  platform: 'neutral',
  dts: true,
  clean: true,
  noExternal: ['zod'], // see docs/decisions/0032-import-time.md
  splitting: true, // also in CommonJS: both entries must share one copy of the code and its state
});
