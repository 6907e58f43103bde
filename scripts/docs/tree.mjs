// The tree of folders in ARCHITECTURE.md, and docs/files.md with a line for each source file.
import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

import { readJson, root } from '../lib/packages.mjs';
import { FOLDERS } from './folders.mjs';
import { describeFile, sourceFiles } from './sources.mjs';

const CORE = 'packages/core/src';
const COLUMN = 27;

const foldersIn = (folder) =>
  readdirSync(join(root, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => `${folder}/${name}`)
    .flatMap((child) => [child, ...foldersIn(child)]);

const packageFolders = () =>
  readdirSync(join(root, 'packages'))
    .map((name) => `packages/${name}`)
    .filter((folder) => existsSync(join(root, folder, 'package.json')));

const describePackage = (folder) => readJson(join(root, folder, 'package.json')).description;

/** The problems of FOLDERS: a folder that is gone, a folder of core without a line. */
export function folderProblems() {
  const gone = Object.keys(FOLDERS).filter((folder) => !existsSync(join(root, folder)));
  const missing = foldersIn(CORE).filter((folder) => !(folder in FOLDERS));
  return [
    ...gone.map(
      (folder) => `${folder} does not exist. Take its line out of scripts/docs/folders.mjs.`,
    ),
    ...missing.map((folder) => `${folder} has no line. Describe it in scripts/docs/folders.mjs.`),
  ].map((problem) => `docs: ${problem}`);
}

/** The lines of the tree in ARCHITECTURE.md. */
export function drawTree() {
  const line = (depth, name, text) => `${'  '.repeat(depth)}${name}/`.padEnd(COLUMN) + text;
  const packages = packageFolders().flatMap((folder) => [
    line(0, folder, describePackage(folder)),
    ...(CORE.startsWith(`${folder}/`) ? drawCore(line) : []),
  ]);
  const others = Object.entries(FOLDERS).filter(([folder]) => !folder.startsWith('packages/'));
  return ['```', ...packages, ...others.map(([folder, text]) => line(0, folder, text)), '```'];
}

const drawCore = (line) =>
  Object.entries(FOLDERS)
    .filter(([folder]) => folder.startsWith(CORE))
    .map(([folder, text]) => line(folder.split('/').length - 2, basename(folder), text));

const capitalize = (text) => text.charAt(0).toUpperCase() + text.slice(1);

const bullet = (path) => {
  const text = describeFile(path);
  return `- [${basename(path)}](../${path})${text === '' ? '' : `: ${text}`}`;
};

/** A heading for each folder, and below it what its files are for. */
function listFolder([folder, paths]) {
  const description = FOLDERS[folder];
  return [
    `### ${folder.split('/').slice(1).join('/')}`,
    ...(description === undefined ? [] : [`${capitalize(description)}.`]),
    paths.map(bullet).join('\n'),
  ];
}

/** The text of docs/files.md. */
export function listFiles() {
  const byFolder = new Map();
  for (const path of packageFolders().flatMap((folder) => sourceFiles(`${folder}/src`))) {
    byFolder.set(dirname(path), [...(byFolder.get(dirname(path)) ?? []), path]);
  }
  return [
    '# Source files',
    'What each file of the packages is for. Written by `npm run docs` from the first sentence of ' +
      'the comment above its imports, or of the export that it is named after.',
    ...packageFolders().flatMap((folder) => [
      `## ${folder.split('/')[1]}`,
      `${describePackage(folder)}.`,
      ...[...byFolder].filter(([path]) => path.startsWith(`${folder}/`)).flatMap(listFolder),
    ]),
  ].join('\n\n');
}

/** The files that docs/files.md lists without a description. */
export const filesWithoutLine = () =>
  packageFolders()
    .flatMap((folder) => sourceFiles(`${folder}/src`))
    .filter((path) => describeFile(path) === '');
