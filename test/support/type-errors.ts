import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import ts from 'typescript';

import { root } from './workspace.ts';

/**
 * Compiles a file with the types of another version of a package.
 *
 * @param file absolute path of a TypeScript file
 * @param packageName the package that the file imports
 * @param folder the installed version to take the types from
 * @returns the compiler's error messages
 * @throws Error if the compiler read no type from `folder`, so that the result would prove nothing
 */
export function typeErrorsWith(file: string, packageName: string, folder: string): string[] {
  const options = readOptions();
  const paths = { ...options.paths, [packageName]: [folder] };
  const program = ts.createProgram([file], { ...options, paths });
  if (!program.getSourceFiles().some(({ fileName }) => fileName.startsWith(folder)))
    throw new Error(`type-errors: no types were read from ${folder}.`);
  return messagesOf(program);
}

/**
 * Compiles a code block with the options of this repository.
 *
 * @param code a module
 * @param changed options that replace those of this repository
 * @returns the compiler's error messages
 */
export function typeErrorsOf(code: string, changed: ts.CompilerOptions = {}): string[] {
  // Inside the repository: package names resolve to the sources.
  const folder = mkdtempSync(join(root, 'test', '.readme-'));
  const file = join(folder, 'snippet.ts');
  writeFileSync(file, code);
  try {
    return messagesOf(ts.createProgram([file], { ...readOptions(), ...changed }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function readOptions(): ts.CompilerOptions {
  const { config } = ts.readConfigFile(`${root}/tsconfig.json`, ts.sys.readFile) as {
    config: unknown;
  };
  return ts.parseJsonConfigFileContent(config, ts.sys, root).options;
}

const messagesOf = (program: ts.Program): string[] =>
  ts
    .getPreEmitDiagnostics(program)
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
