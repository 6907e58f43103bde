import { defineConfig } from 'tsup';

export default defineConfig({
  entry: {
    index: 'src/index.ts',
    'node/index': 'src/node/index.ts',
    'testing/index': 'src/testing/index.ts',
  },
  format: ['esm', 'cjs'],
  target: 'es2022',
  platform: 'neutral',
  // Only src/testing imports any of them; other runtimes know them only by the full name.
  external: [/^node:/],
  removeNodeProtocol: false,
  // tsconfig.json has no Node types, to keep core free of Node; only src/testing may have them.
  dts: { compilerOptions: { types: ['node'] } },
  clean: true,
});
