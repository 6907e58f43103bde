import { join } from 'node:path';

import ts from 'typescript';

import { readJson, root } from './workspace.ts';

/** Where other packages of this repository have their source: a fresh clone has no builds. */
const { paths } = (readJson('tsconfig.json') as { compilerOptions: ts.CompilerOptions })
  .compilerOptions;

/** Returns the exports of a module that have no doc comment. */
export function findUndocumented(file: string): readonly string[] {
  const path = join(root, file);
  const program = ts.createProgram([path], {
    module: ts.ModuleKind.Preserve,
    target: ts.ScriptTarget.ES2023,
    allowImportingTsExtensions: true,
    noEmit: true,
    noLib: true,
    types: [],
    paths: toAbsolute(paths),
  });
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(path);
  const module = source && checker.getSymbolAtLocation(source);
  if (module === undefined) throw new Error(`${file} is not a module`);
  const original = (symbol: ts.Symbol) =>
    symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  return checker
    .getExportsOfModule(module)
    .filter((symbol) => original(symbol).getDocumentationComment(checker).length === 0)
    .map((symbol) => symbol.getName());
}

function toAbsolute(relative: ts.CompilerOptions['paths'] = {}): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(relative).map(([name, files]) => [name, files.map((file) => join(root, file))]),
  );
}
