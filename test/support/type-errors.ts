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
  const { config } = ts.readConfigFile(`${root}/tsconfig.json`, ts.sys.readFile) as {
    config: unknown;
  };
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const paths = { ...options.paths, [packageName]: [folder] };
  const program = ts.createProgram([file], { ...options, paths });
  if (!program.getSourceFiles().some(({ fileName }) => fileName.startsWith(folder)))
    throw new Error(`type-errors: no types were read from ${folder}.`);
  return ts
    .getPreEmitDiagnostics(program)
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
}
