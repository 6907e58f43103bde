import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What the checks need of a package.json. */
export interface Manifest {
  readonly name: string;
  readonly exports?: Readonly<Record<string, unknown>>;
}

/** A package. */
export interface Member {
  readonly folder: string;
  readonly manifest: Manifest;
}

export const root = fileURLToPath(new URL('../..', import.meta.url));

export const read = (path: string): string => readFileSync(join(root, path), 'utf8');
export const readJson = (path: string): unknown => JSON.parse(read(path));
const readManifest = (folder: string): Manifest =>
  readJson(join(folder, 'package.json')) as Manifest;

/** All tracked files and all untracked files that git does not ignore, relative to the root. */
export const projectFiles = (): readonly string[] =>
  execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
    cwd: root,
    encoding: 'utf8',
  })
    .split('\0')
    .filter((file) => file !== '' && existsSync(join(root, file)));

/** The packages of this repository. */
export const packages = (): readonly Member[] =>
  readdirSync(join(root, 'packages'))
    .map((name) => `packages/${name}`)
    .filter((folder) => existsSync(join(root, folder, 'package.json')))
    .map((folder) => ({ folder, manifest: readManifest(folder) }));

/** The names by which a package is imported. */
export const entriesOf = ({ name, exports = {} }: Manifest): readonly string[] =>
  Object.keys(exports).map((subpath) => name + subpath.slice(1));
