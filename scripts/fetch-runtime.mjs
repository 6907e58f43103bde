// JavaScript runtimes for the tests, from npm packages that carry the binary. They are large, so
// they come when they are needed, into a folder that git ignores, and never with `npm ci`.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

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

/** The packages of a single platform: the ones that everybody installs hold no binary. */
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
 * The binary of a runtime, downloaded the first time. Throws where the runtime cannot be had or
 * does not run.
 *
 * @param name a key of RUNTIMES; for the Node that runs this, no download is needed
 * @returns `{ version, binary }`
 */
export function fetchRuntime(name) {
  if (name === `node ${process.versions.node.split('.')[0]}`) {
    return { version: process.versions.node, binary: process.execPath };
  }
  const runtime = RUNTIMES[name];
  if (runtime === undefined) throw new Error(`known are ${Object.keys(RUNTIMES).join(', ')}`);
  const folder = join(FOLDER, `${name.replace(' ', '')}@${runtime.version}`);
  if (!existsSync(folder)) install(runtime, folder);
  return { version: runtime.version, binary: binaryIn(folder, runtime) };
}

const binaryIn = (folder, runtime) => join(folder, 'node_modules', runtime.package, runtime.binary);

/** Beside its place and then moved there: whoever comes second finds it whole, or not at all. */
function install(runtime, folder) {
  const spec = `${runtime.package}@${runtime.version}`;
  console.log(`Downloading ${spec} from npm, about ${runtime.megabytes} MB. This happens once.`);
  mkdirSync(FOLDER, { recursive: true });
  const draft = mkdtempSync(join(FOLDER, '.draft-'));
  try {
    writeFileSync(join(draft, 'package.json'), '{ "private": true }\n');
    const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
    // No script of the package is run: it has the binary in it.
    const bare = ['--ignore-scripts', '--no-package-lock', ...quiet];
    runToEnd('npm', ['install', spec, '--prefix', draft, ...bare]);
    runToEnd(binaryIn(draft, runtime), ['--version']);
    moveUnlessThere(draft, folder);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

function runToEnd(command, args) {
  const shell = process.platform === 'win32' && command === 'npm';
  const { status, error, stderr } = spawnSync(command, args, { encoding: 'utf8', shell });
  if (status === 0) return;
  const why = error?.message ?? stderr.trim();
  throw new Error(`${command} ${args[0]} failed: ${why.split('\n').slice(0, 3).join(' ')}`);
}

function moveUnlessThere(draft, folder) {
  try {
    renameSync(draft, folder);
  } catch (error) {
    if (!existsSync(folder)) throw error;
  }
}
