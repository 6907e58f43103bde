import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));
export const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));

/** Runs a program to its end and returns its stdout. Throws with its output if it fails. */
export function run(command, args, cwd = root) {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  if (status === 0) return stdout;
  throw new Error(`${command} ${args.join(' ')} failed\n${stdout}${stderr}`);
}

/** The published packages: `{ dir, manifest }`. */
export function publicPackages() {
  return readdirSync(join(root, 'packages'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(root, 'packages', name))
    .map((dir) => ({ dir, manifest: readJson(join(dir, 'package.json')) }))
    .filter(({ manifest }) => manifest.private !== true);
}

/** Packs the published packages into `folder`, as `npm publish` does. */
export function packAll(folder) {
  return publicPackages().map(({ dir, manifest }) => {
    const [packed] = JSON.parse(run('npm', ['pack', '--json', '--pack-destination', folder], dir));
    return {
      manifest,
      tarball: join(folder, packed.filename),
      files: packed.files.map(({ path }) => path),
    };
  });
}

/** The import specifiers of a package: its exports with code. */
export const entryNames = ({ name, exports }) =>
  Object.keys(exports)
    .filter((subpath) => subpath !== './package.json')
    .map((subpath) => name + subpath.slice(1));

/** Runs `work` with a temporary folder and removes it. An error sets the exit code to 1. */
export async function inTemporaryFolder(work) {
  const folder = mkdtempSync(join(tmpdir(), 'novita-webhooks-'));
  try {
    await work(folder);
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
