import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * Installs a package that is not in package-lock.json into its own folder, unless it exists.
 *
 * @param spec name and version, or a list of these; `megabytes` is the size of the download
 * @param folder the folder for its `node_modules`, below `.cache`
 * @param check called with the new folder before it is moved into place; throws if it is not usable
 */
export function fetchPackage({ spec, megabytes }, folder, check) {
  if (existsSync(folder)) return;
  console.error(`Downloading ${spec} from npm, about ${megabytes} MB. This happens once.`);
  mkdirSync(dirname(folder), { recursive: true });
  // Installed in a draft folder and then renamed: other processes never see a partial install.
  const draft = mkdtempSync(join(dirname(folder), '.draft-'));
  try {
    writeFileSync(join(draft, 'package.json'), '{ "private": true }\n');
    const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
    // Its install scripts are not needed: the package contains the binary.
    const options = ['--ignore-scripts', '--no-package-lock', ...quiet];
    runToEnd('npm', ['install', ...[spec].flat(), '--prefix', draft, ...options]);
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
