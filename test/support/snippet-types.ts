import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import ts from 'typescript';

import { root } from './workspace.ts';

/** A code block of a Markdown file, and the title of its section. */
export interface Snippet {
  readonly section: string;
  readonly code: string;
}

/** Guides whose snippets are checked with the types of their runtime each. */
export const RUNTIME_GUIDES = ['docs/deploying.md', 'docs/runtimes.md'] as const;

/** Reads the TypeScript blocks of a Markdown file, in order. */
export function snippetsOf(file: string): Snippet[] {
  const sections = readFileSync(join(root, file), 'utf8').split(/^## /m);
  return sections.flatMap((text) => {
    const section = text.slice(0, text.indexOf('\n'));
    return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = '']) => ({ section, code }));
  });
}

export interface SnippetTypesOptions {
  /** Packages with global types. */
  readonly types?: readonly string[];
  /** Declaration files with global types, relative to node_modules. */
  readonly declarations?: readonly string[];
  /** Declarations of what a snippet uses and this repository does not have. */
  readonly ambient?: string;
}

/** The errors that TypeScript finds in a snippet, as a file of its own. */
export function snippetErrors(code: string, options: SnippetTypesOptions = {}): string[] {
  return snippetsErrors([code], options)[0] ?? [];
}

/** The errors of each of many snippets, in one run of the compiler. */
export function snippetsErrors(
  codes: readonly string[],
  { types = ['node'], declarations = [], ambient = '' }: SnippetTypesOptions = {},
): string[][] {
  const read = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile);
  const base = ts.parseJsonConfigFileContent(read.config, ts.sys, root).options;
  const names = codes.map((_, index) => join(root, `test/snippet-${index}.mts`));
  const virtual = new Map([
    [join(root, 'test/snippet-ambient.d.ts'), ambient],
    ...names.map((name, index) => [name, codes[index] ?? ''] as const),
  ]);
  const options: ts.CompilerOptions = {
    ...base,
    types: [...types],
    noUnusedLocals: false,
    noUnusedParameters: false,
    // Stricter than `strict`, which readers have.
    noPropertyAccessFromIndexSignature: false,
    noUncheckedIndexedAccess: false,
    exactOptionalPropertyTypes: false,
    isolatedDeclarations: false,
    declaration: false,
    moduleDetection: ts.ModuleDetectionKind.Force,
    lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  host.fileExists = (name) => virtual.has(name) || fileExists(name);
  host.getSourceFile = (name, version) => {
    const text = virtual.get(name);
    return text === undefined
      ? getSourceFile(name, version)
      : ts.createSourceFile(name, text, version);
  };
  const globals = declarations.map((name) => join(root, 'node_modules', name));
  const program = ts.createProgram([...virtual.keys(), ...globals], options, host);
  return names.map((name) => {
    const snippet = program.getSourceFile(name);
    return [
      ...program.getOptionsDiagnostics(),
      ...program.getSyntacticDiagnostics(snippet),
      ...program.getSemanticDiagnostics(snippet),
    ].map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
  });
}
