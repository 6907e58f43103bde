import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { Manifest, Member } from './arrows.ts';

export const root = fileURLToPath(new URL('../..', import.meta.url));

export const read = (path: string): string => readFileSync(join(root, path), 'utf8');
export const readJson = (path: string): unknown => JSON.parse(read(path));
export const readManifest = (folder: string): Manifest =>
  readJson(join(folder, 'package.json')) as Manifest;

/** Every file that is in git or about to be, by path from the root. */
export const projectFiles = (): readonly string[] =>
  execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
    cwd: root,
    encoding: 'utf8',
  })
    .split('\0')
    .filter((file) => file !== '' && existsSync(join(root, file)));

const SKIPPED = /(^|\/)(node_modules|dist)(\/|$)/;
const MODULE = /\.[cm]?[jt]s$/;

/** The modules below a folder, by path from the root. */
const modulesIn = (folder: string): readonly string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((file) => `${folder}/${file.replaceAll('\\', '/')}`)
    .filter((file) => MODULE.test(file) && !SKIPPED.test(file));

function toMember(folder: string, source: string): Member {
  const files = Object.fromEntries(modulesIn(source).map((file) => [file, read(file)]));
  return { folder, manifest: readManifest(folder), files };
}

const foldersIn = (parent: string): readonly string[] =>
  readdirSync(join(root, parent))
    .map((name) => `${parent}/${name}`)
    .filter((folder) => existsSync(join(root, folder, 'package.json')));

/** The packages, with what they are built from. */
export const packages = (): readonly Member[] =>
  foldersIn('packages').map((folder) => toMember(folder, `${folder}/src`));

/** The examples, whole. */
export const examples = (): readonly Member[] =>
  foldersIn('examples').map((folder) => toMember(folder, folder));
