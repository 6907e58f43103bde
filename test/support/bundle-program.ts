import { build, type Plugin } from 'esbuild';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { root } from './workspace.ts';

/**
 * Bundles a TypeScript program of this repository into one file, which starts faster and takes less
 * memory than the program run from source.
 *
 * @param folder must be inside the repository: Node looks for packages from there
 * @param external packages that are not bundled
 * @param plugins may change sources
 */
export async function bundleProgram(
  url: URL,
  folder: string,
  external: readonly string[] = [],
  plugins: readonly Plugin[] = [],
): Promise<string> {
  const entry = fileURLToPath(url);
  const outfile = join(folder, 'server.mjs');
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    tsconfig: join(root, 'tsconfig.json'),
    external: [...external],
    plugins: [...plugins],
    // Bundled CommonJS packages call `require`.
    banner: {
      js: "import { createRequire as require_ } from 'node:module'; const require = require_(import.meta.url);",
    },
    logLevel: 'error',
  });
  return outfile;
}
