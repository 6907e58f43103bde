import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { expect, test } from 'vitest';

interface Manifest {
  readonly name: string;
  readonly exports?: Readonly<
    Record<string, string | { readonly require: { readonly types: string } }>
  >;
}

const packages = fileURLToPath(new URL('../packages/', import.meta.url));

/** Every import of a published package, and the file with its types. */
const entries = readdirSync(packages).flatMap((folder) => {
  const path = `${packages}${folder}/package.json`;
  const text = readFileSync(path, 'utf8');
  const { name, exports = {} } = JSON.parse(text) as Manifest;
  return Object.entries(exports).flatMap(([subpath, target]) =>
    typeof target === 'string' ? [] : [{ name, text, subpath, types: target.require.types }],
  );
});

/** Resolves an import in a project with this package, without a build: only the paths count. */
function resolve({ name, text, subpath, types }: (typeof entries)[number]): string | undefined {
  const folder = `/project/node_modules/${name}`;
  const files = new Map([
    [`${folder}/package.json`, text],
    [`${folder}/${types.slice(2)}`, ''],
  ]);
  const host: ts.ModuleResolutionHost = {
    fileExists: (path) => files.has(path),
    readFile: (path) => files.get(path),
    directoryExists: (path) => [...files.keys()].some((file) => file.startsWith(`${path}/`)),
    realpath: (path) => path,
  };
  const options = {
    moduleResolution: ts.ModuleResolutionKind.Node10,
    module: ts.ModuleKind.CommonJS,
  };
  const { resolvedModule } = ts.resolveModuleName(
    name + subpath.slice(1),
    '/project/index.ts',
    options,
    host,
  );
  return resolvedModule?.resolvedFileName.slice(folder.length + 1);
}

test.each(entries.map((entry) => [entry.name + entry.subpath.slice(1), entry] as const))(
  'moduleResolution node10 finds the types of %s',
  (_, entry) => {
    expect(resolve(entry)).toBe(entry.types.slice(2));
  },
);

test('the list of imports has the subpath of core', () => {
  expect(entries.map(({ name, subpath }) => name + subpath.slice(1))).toContain(
    '@novita-webhooks/core/node',
  );
});
