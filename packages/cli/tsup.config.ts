import { defineConfig } from 'tsup';

export default defineConfig({
  entry: { index: 'src/index.ts', main: 'src/main.ts' },
  format: ['esm', 'cjs'],
  target: 'node20',
  dts: { entry: { index: 'src/index.ts' } },
  clean: true,
});
