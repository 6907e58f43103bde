// Checks the packages as npm would publish them: entry points, types for ESM and CommonJS, files.
// Needs a build.
import { mkdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';

import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { problemKindInfo } from '@arethetypeswrong/core/problems';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import ts from 'typescript';

import { inTemporaryFolder, packAll, root, run } from './lib/packages.mjs';

/** publint: checks that package.json matches the files. */
async function manifestProblems(unpacked) {
  const { messages, pkg } = await publint({ pkgDir: unpacked, pack: false, strict: true });
  return messages.map((message) => `publint: ${formatMessage(message, pkg, { color: false })}`);
}

/** attw: checks the types of every entry for every module resolution. */
async function typeProblems(tarball) {
  const { types, problems } = await checkPackage(
    createPackageFromTarballData(readFileSync(tarball)),
  );
  if (types === false) return ['attw: no types'];
  return (
    problems
      // The node10 resolution of TypeScript does not read "exports", so it cannot find subpaths.
      .filter(({ resolutionKind }) => resolutionKind !== 'node10')
      .map(({ kind, entrypoint = '', resolutionKind = '' }) =>
        `attw: ${problemKindInfo[kind].title} ${entrypoint} ${resolutionKind}`.trimEnd(),
      )
  );
}

function fileProblems(files) {
  const missing = ['LICENSE', 'README.md'].filter((name) => !files.includes(name));
  const unwanted = files.filter((path) => /(^|\/)(src|test)\/|\.test\.|\.map$/.test(path));
  return [
    ...missing.map((name) => `${name} is missing`),
    ...unwanted.map((path) => `${path} should not be published`),
  ];
}

/** Finds paths of this machine and links to source maps that are not published. */
function contentProblems(unpacked, files) {
  const unwanted = [root, homedir(), 'file://', 'sourceMappingURL='];
  return files.flatMap((path) => {
    const text = readFileSync(join(unpacked, path), 'utf8');
    return unwanted
      .filter((words) => text.includes(words))
      .map((words) => `${path} contains ${words}`);
  });
}

/** Finds imports of what is not installed with a package: a bundler may have left them in its files. */
function importProblems(unpacked, files, { name, dependencies, peerDependencies }) {
  const declared = [name, ...Object.keys({ ...dependencies, ...peerDependencies })];
  const imported = files
    .filter((path) => /\.(js|cjs|mjs|ts|cts)$/.test(path))
    .flatMap((path) => {
      const { importedFiles } = ts.preProcessFile(
        readFileSync(join(unpacked, path), 'utf8'),
        true,
        true,
      );
      return importedFiles.map(({ fileName }) => fileName);
    })
    .filter((specifier) => !/^[./]/.test(specifier) && !isBuiltin(specifier));
  const packages = new Set(imported.map((it) => /^(@[^/]+\/)?[^/]+/.exec(it)?.[0] ?? it));
  return [...packages]
    .filter((it) => !declared.includes(it))
    .map((it) => `dist imports ${it}, which package.json does not declare`);
}

async function check({ manifest, tarball, files }, folder) {
  const unpacked = join(folder, basename(tarball, '.tgz'));
  mkdirSync(unpacked);
  run('tar', ['-xzf', tarball, '-C', unpacked, '--strip-components=1']);
  const problems = [
    ...fileProblems(files),
    ...contentProblems(unpacked, files),
    ...importProblems(unpacked, files, manifest),
    ...(await manifestProblems(unpacked)),
    ...(await typeProblems(tarball)),
  ];
  console.log(
    `${problems.length === 0 ? 'ok' : 'not ok'}  ${manifest.name}, ${files.length} files`,
  );
  for (const problem of problems) console.log(`    ${problem}`);
  return problems.length;
}

await inTemporaryFolder(async (folder) => {
  for (const packed of packAll(folder)) if ((await check(packed, folder)) > 0) process.exitCode = 1;
});
