import { isBuiltin } from 'node:module';
import { posix } from 'node:path';

import { readImports, toPackageName, type Import } from './imports.ts';

/** What the checks need of a package.json. */
export interface Manifest {
  readonly name: string;
  readonly exports?: Readonly<Record<string, unknown>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

/** A package or an example, with its files by path from the root of the repository. */
export interface Member {
  readonly folder: string;
  readonly manifest: Manifest;
  readonly files: Readonly<Record<string, string>>;
}

/** What the source of a package may import besides its own files. */
interface Row {
  readonly modules: readonly string[];
  /** Only by `import type`. */
  readonly types?: readonly string[];
  /** Folders that may use Node's own modules. */
  readonly node?: readonly string[];
}

const CORE = '@novita-webhooks/core';
const adapter = (framework: string): Row => ({
  modules: [CORE, `${CORE}/node`],
  types: [framework],
});

/** The arrows: who may import what. A new package starts with a new row. */
const TABLE: Readonly<Record<string, Row>> = {
  'packages/core': { modules: ['zod'], node: ['packages/core/src/testing/'] },
  'packages/express': adapter('express'),
  'packages/fastify': adapter('fastify'),
  'packages/koa': adapter('koa'),
  'packages/inbox-bullmq': {
    modules: [CORE, 'bullmq', 'ioredis'],
    node: ['packages/inbox-bullmq/src/'],
  },
  'packages/inbox-postgres': { modules: [CORE], node: ['packages/inbox-postgres/src/'] },
  'packages/inbox-sqlite': { modules: [CORE], node: ['packages/inbox-sqlite/src/'] },
  'packages/simulator': { modules: ['zod'], types: [CORE], node: ['packages/simulator/src/'] },
};

/** Ships to users as test support; production code stays clear of it. */
const TESTING = 'packages/core/src/testing/';

const isRelative = (specifier: string) => specifier.startsWith('.');
const isTest = (file: string) => /(^|\/)test\/|\.test\.ts$/.test(file);

export const resolveRelative = (file: string, specifier: string): string =>
  posix.join(posix.dirname(file), specifier);

export const entriesOf = ({ name, exports = {} }: Manifest): readonly string[] =>
  Object.keys(exports).map((subpath) => name + subpath.slice(1));

/** The source of an entry: `./node` → `packages/core/src/node/index.ts`. */
const entryFiles = ({ folder, manifest }: Member): readonly string[] =>
  Object.keys(manifest.exports ?? {}).map((subpath) =>
    posix.join(folder, 'src', subpath, 'index.ts'),
  );

function judgeRelative(member: Member, file: string, specifier: string): string | null {
  const home = member.folder.startsWith('packages/')
    ? `${member.folder}/src/`
    : `${member.folder}/`;
  const target = resolveRelative(file, specifier);
  if (isTest(file) && target.startsWith('test/support/')) return null;
  if (!target.startsWith(home)) return `leaves ${home}`;
  if (entryFiles(member).includes(target)) return 'is an entry of its own package';
  if (target.startsWith(TESTING) && !file.startsWith(TESTING)) return 'is test support';
  return null;
}

function judgeForPackage(member: Member, file: string, found: Import): string | null {
  const { specifier, kind } = found;
  const row = TABLE[member.folder];
  if (row === undefined)
    return `${member.folder} has no row in the table of test/support/arrows.ts`;
  if (isBuiltin(specifier)) {
    return row.node?.some((folder) => file.startsWith(folder)) ? null : 'is a module of Node';
  }
  if (row.modules.includes(specifier)) return null;
  if (row.types?.includes(specifier)) {
    return kind === 'type' ? null : 'is allowed by `import type` only';
  }
  return 'is not in the table of arrows';
}

function judgeForExample(specifier: string, entries: readonly string[]): string | null {
  const isOurs = specifier.startsWith('@novita-webhooks/');
  return !isOurs || entries.includes(specifier) ? null : 'is not a public entry';
}

const toolsOf = ({ devDependencies = {} }: Manifest) => Object.keys(devDependencies);
const shippedOf = ({ dependencies = {}, peerDependencies = {} }: Manifest) =>
  Object.keys({ ...dependencies, ...peerDependencies });

function judgeDeclared(member: Member, root: Manifest, file: string, specifier: string) {
  if (isBuiltin(specifier)) return null;
  const { manifest } = member;
  const tools = isTest(file) ? [...toolsOf(manifest), ...toolsOf(root)] : [];
  const declared = [...shippedOf(manifest), ...tools].includes(toPackageName(specifier));
  return declared ? null : `is not declared in ${member.folder}/package.json`;
}

/** Libraries that a package loads by name, if they are there. */
const optionalOf = ({ peerDependenciesMeta = {} }: Manifest) =>
  Object.keys(peerDependenciesMeta).filter((name) => peerDependenciesMeta[name]?.optional);

/** Whoever uses a package brings what that wants beside it. */
function mayBring({ manifest }: Member, members: readonly Member[]): readonly string[] {
  const shipped = shippedOf(manifest);
  const used = members.filter((other) => shipped.includes(other.manifest.name));
  const wanted = used.flatMap((other) => Object.keys(other.manifest.peerDependencies ?? {}));
  return [...optionalOf(manifest), ...wanted];
}

/** Every import that breaks a rule, and every dependency that nothing imports. */
export function findViolations(members: readonly Member[], root: Manifest): readonly string[] {
  const entries = members.flatMap(({ manifest }) => entriesOf(manifest));
  return members.flatMap((member) => {
    const used = new Set<string>();
    const judge = (file: string, found: Import): readonly (string | null)[] => {
      const { specifier } = found;
      if (isRelative(specifier)) return [judgeRelative(member, file, specifier)];
      used.add(toPackageName(specifier));
      const arrow = member.folder.startsWith('packages/')
        ? judgeForPackage(member, file, found)
        : judgeForExample(specifier, entries);
      return [arrow, judgeDeclared(member, root, file, specifier)];
    };
    const bad = Object.entries(member.files).flatMap(([file, text]) =>
      readImports(file, text).flatMap((found) =>
        judge(file, found)
          .filter((reason) => reason !== null)
          .map((reason) => `${file}: '${found.specifier}' ${reason}`),
      ),
    );
    const brought = mayBring(member, members);
    const unused = shippedOf(member.manifest)
      .filter((name) => !used.has(name) && !brought.includes(name))
      .map((name) => `${member.folder}/package.json: nothing imports '${name}'`);
    return [...bad, ...unused];
  });
}
