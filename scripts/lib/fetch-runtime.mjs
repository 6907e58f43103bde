import { join } from 'node:path';

import { fetchPackage, runToEnd } from './fetch-package.mjs';
import { root } from './packages.mjs';

const FOLDER = join(root, '.cache/runtimes');
const PLATFORM = `${process.platform}-${process.arch}`;
const EXE = process.platform === 'win32' ? '.exe' : '';

const node = (version) => ({
  version,
  package: `node-${PLATFORM.replace('win32', 'win')}`,
  binary: `bin/node${EXE}`,
  megabytes: 57,
});

/** Packages for one platform: they contain the binary, which the main packages do not. */
const RUNTIMES = {
  'node 20': node('20.20.2'),
  'node 22': node('22.23.3'),
  'node 24': node('24.21.0'),
  'node 26': node('26.10.0'),
  bun: {
    version: '1.4.5',
    package: `@oven/bun-${PLATFORM.replace('win32', 'windows').replace('arm64', 'aarch64')}`,
    binary: `bin/bun${EXE}`,
    megabytes: 52,
  },
  deno: {
    version: '2.9.6',
    package: `@deno/${PLATFORM}${process.platform === 'linux' ? '-glibc' : ''}`,
    binary: `deno${EXE}`,
    megabytes: 43,
  },
  workerd: {
    version: '1.20261117.1',
    package: `@cloudflare/workerd-${PLATFORM.replace('win32', 'windows').replace('x64', '64')}`,
    binary: `bin/workerd${EXE}`,
    megabytes: 47,
  },
};

/**
 * Returns the binary of a runtime and downloads it the first time. Throws if the platform has no
 * such runtime, or if it does not run.
 *
 * @param name a key of RUNTIMES; for the Node that runs this, no download is needed
 * @returns `{ version, binary }`
 */
export function fetchRuntime(name) {
  if (name === `node ${process.versions.node.split('.')[0]}`) {
    return { version: process.versions.node, binary: process.execPath };
  }
  const runtime = RUNTIMES[name];
  if (runtime === undefined)
    throw new Error(
      `fetch-runtime: unknown runtime ${name}. Use one of ${Object.keys(RUNTIMES).join(', ')}.`,
    );
  const folder = join(FOLDER, `${name.replace(' ', '')}@${runtime.version}`);
  const spec = `${runtime.package}@${runtime.version}`;
  fetchPackage({ spec, megabytes: runtime.megabytes }, folder, (draft) =>
    runToEnd(binaryIn(draft, runtime), ['--version']),
  );
  return { version: runtime.version, binary: binaryIn(folder, runtime) };
}

const binaryIn = (folder, runtime) => join(folder, 'node_modules', runtime.package, runtime.binary);
