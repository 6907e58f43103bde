import { existsSync } from 'node:fs';
import { join, posix } from 'node:path';

import { describe, expect, test } from 'vitest';

import { findUndocumented } from './support/exports.ts';
import { entriesOf, packages, projectFiles, read, readJson, root } from './support/workspace.ts';

interface LockedPackage {
  readonly resolved?: string;
  readonly link?: true;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

interface Tsconfig {
  readonly compilerOptions: { readonly paths: Readonly<Record<string, readonly string[]>> };
}

describe('the lock file', () => {
  const lock = readJson('package-lock.json') as { packages: Record<string, LockedPackage> };
  const locked = Object.entries(lock.packages);

  test('has no registry address', () => {
    const addressed = locked.filter(([, { resolved, link }]) => resolved !== undefined && !link);
    expect(addressed.map(([path]) => path)).toEqual([]);
  });

  // If the registry lacks one of them when npm writes the lock file, `npm ci` rejects the lock file.
  test('has the optional packages of every platform', () => {
    const missing = locked.flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter(
        (name) =>
          !(`node_modules/${name}` in lock.packages) &&
          !(`${path}/node_modules/${name}` in lock.packages),
      ),
    );
    expect(missing).toEqual([]);
  });
});

describe('the search for machine paths', () => {
  // Joined here: otherwise the search would match this file.
  const folders = ['work', 'root', 'home', 'Users'].join('|');
  const machinePath = new RegExp(`(?<![\\w.)}>*-])/(?:${folders})/`);

  test.each(['work', 'root', 'home', 'Users'])('matches a path below %s', (folder) => {
    expect(machinePath.test(`"/${folder}/example/project"`)).toBe(true);
    expect(machinePath.test(`https://example.com/${folder}/page`)).toBe(false);
  });

  test.runIf(existsSync(join(root, '.git')))('matches no file of the repository', () => {
    const files = projectFiles();
    expect(files.length).toBeGreaterThan(50);
    expect(files.filter((file) => machinePath.test(read(file)))).toEqual([]);
  });
});

/** npmjs.com shows the README alone: a link to another file of the repository leads nowhere. */
const relativeLinks = (markdown: string) =>
  [...markdown.matchAll(/\]\(([^)]+)\)/g)].flatMap(([, target = '']) =>
    /^(https:|#)/.test(target) ? [] : [target],
  );

describe.each(packages())('$manifest.name', ({ folder, manifest }) => {
  test('has a README whose links work on npm', () => {
    expect(relativeLinks(read(`${folder}/README.md`))).toEqual([]);
  });

  const entries = entriesOf(manifest).filter((entry) => !entry.endsWith('/package.json'));
  const { paths } = (readJson('tsconfig.json') as Tsconfig).compilerOptions;

  test('has the licence of the repository', () => {
    expect(read(posix.join(folder, 'LICENSE'))).toBe(read('LICENSE'));
  });

  test('has a source path in tsconfig.json for every entry', () => {
    expect(entries.filter((entry) => paths[entry] === undefined)).toEqual([]);
  });

  test.each(entries)('%s has a doc comment for every export', (entry) => {
    expect(findUndocumented(paths[entry]?.[0] ?? '')).toEqual([]);
  });
});
