// Packages that tests need beside the locked ones, into `.cache`, which git ignores. They come when
// they are needed, and never with `npm ci`.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * Installs a package into a folder of its own, unless it is there.
 *
 * @param spec one or several, with their versions, and `megabytes` to say how much there is to wait for
 * @param folder where its `node_modules` are to be
 * @param check is called with the folder before anybody else can see it, and throws if it is no use
 */
export function fetchPackage({ spec, megabytes }, folder, check) {
  if (existsSync(folder)) return;
  console.error(`Downloading ${spec} from npm, about ${megabytes} MB. This happens once.`);
  mkdirSync(dirname(folder), { recursive: true });
  // Beside its place and then moved there: whoever comes second finds it whole, or not at all.
  const draft = mkdtempSync(join(dirname(folder), '.draft-'));
  try {
    writeFileSync(join(draft, 'package.json'), '{ "private": true }\n');
    const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
    // No script of the package is run: it has the binary in it.
    const bare = ['--ignore-scripts', '--no-package-lock', ...quiet];
    runToEnd('npm', ['install', ...[spec].flat(), '--prefix', draft, ...bare]);
    check(draft);
    moveUnlessThere(draft, folder);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

export function runToEnd(command, args) {
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
