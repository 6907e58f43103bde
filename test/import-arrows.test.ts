import { describe, expect, test } from 'vitest';

import { findViolations, type Manifest } from './support/arrows.ts';
import { findCycles } from './support/cycles.ts';
import { readImports } from './support/imports.ts';
import { examples, packages, readManifest } from './support/workspace.ts';

describe('the imports of this repository', () => {
  const members = [...packages(), ...examples()];

  test('follow the table of arrows, public entries only, all declared', () => {
    expect(findViolations(members, readManifest('.'))).toEqual([]);
  });

  test.each(members)('do not run in circles in $folder', (member) => {
    expect(findCycles(member)).toEqual([]);
  });
});

const core: Manifest = {
  name: '@novita-webhooks/core',
  exports: { '.': {}, './node': {}, './testing': {} },
  dependencies: { zod: '4' },
};
const express: Manifest = {
  name: '@novita-webhooks/express',
  exports: { '.': {} },
  dependencies: { '@novita-webhooks/core': '1' },
  peerDependencies: { express: '5' },
};
const demo: Manifest = { name: 'demo', dependencies: { '@novita-webhooks/core': '1' } };
const root: Manifest = { name: 'root', devDependencies: { vitest: '4' } };

const ZOD = `import { z } from 'zod';`;
const EXPRESS = `import { toReceiver } from '@novita-webhooks/core';
  import type { Request } from 'express';`;
const DEMO = `import { createReceiver } from '@novita-webhooks/core';`;

/** A small repository that follows the rules, plus one file. */
function violations(file: string, text: string): readonly string[] {
  const members = [
    { folder: 'packages/core', manifest: core, files: { 'packages/core/src/schema.ts': ZOD } },
    {
      folder: 'packages/express',
      manifest: express,
      files: { 'packages/express/src/a.ts': EXPRESS },
    },
    { folder: 'examples/demo', manifest: demo, files: { 'examples/demo/src/main.ts': DEMO } },
  ].map((member) =>
    file.startsWith(member.folder)
      ? { ...member, files: { ...member.files, [file]: text } }
      : member,
  );
  return findViolations(members, root);
}

describe('the arrow checker', () => {
  test.each([
    ['packages/core/src/a.ts', `import { clock } from './clock.ts'; ${ZOD}`],
    ['packages/core/src/testing/a.ts', `import assert from 'node:assert/strict';`],
    ['packages/core/src/testing/a.ts', `import { b } from '../b.ts';`],
    [
      'packages/express/src/b.ts',
      `export { handleNodeRequest } from '@novita-webhooks/core/node';`,
    ],
    ['packages/express/src/b.ts', `type A = import('express').Request;`],
    ['examples/demo/src/a.ts', `import { b } from './b.ts'; import 'node:fs';`],
    ['examples/demo/src/a.test.ts', `import { test } from 'vitest';`],
    ['examples/demo/test/a.test.ts', `import { b } from '../../../test/support/b.ts';`],
    ['packages/core/src/a.ts', `const text = "import x from 'express'"; // import('express')`],
  ])('accepts %s: %s', (file, text) => {
    expect(violations(file, text)).toEqual([]);
  });

  test.each([
    ['packages/core/src/a.ts', `import { readFile } from 'node:fs';`, 'is a module of Node'],
    ['packages/core/src/a.ts', `import type { Server } from 'http';`, 'is a module of Node'],
    ['packages/core/src/a.ts', `export { x } from 'express';`, 'is not in the table'],
    ['packages/core/src/a.ts', `await import('express');`, 'is not in the table'],
    ['packages/core/src/a.ts', `const x = require('express');`, 'is not in the table'],
    ['packages/core/src/a.ts', `import x = require('express');`, 'is not in the table'],
    ['packages/core/src/a.ts', `await import(name);`, `'name' is not in the table`],
    ['packages/core/src/a.ts', `import '@novita-webhooks/core';`, 'is not in the table'],
    ['packages/core/src/a.ts', `import { x } from './index.ts';`, 'is an entry of its own'],
    ['packages/core/src/b/a.ts', `import type { X } from '../index.ts';`, 'is an entry of its own'],
    ['packages/core/src/a.ts', `import { x } from './node/index.ts';`, 'is an entry of its own'],
    ['packages/core/src/a.ts', `import { x } from './testing/clock.ts';`, 'is test support'],
    [
      'packages/core/src/a.ts',
      `import { x } from '../../express/src/a.ts';`,
      'leaves packages/core',
    ],
    ['packages/core/src/a.ts', `import { x } from '../test/helpers.ts';`, 'leaves packages/core'],
    ['packages/core/src/testing/a.ts', `import { test } from 'vitest';`, 'is not in the table'],
    ['packages/express/src/b.ts', `import { Router } from 'express';`, 'by `import type` only'],
    ['packages/express/src/b.ts', `import { type Request } from 'express';`, '`import type` only'],
    [
      'packages/express/src/b.ts',
      `import '@novita-webhooks/core/src/clock.ts';`,
      'not in the table',
    ],
    ['packages/express/src/b.ts', `import '@novita-webhooks/testing';`, 'not in the table'],
    ['examples/demo/src/a.ts', `import '@novita-webhooks/core/dist/x.js';`, 'not a public entry'],
    ['examples/demo/src/a.ts', `import '../../other/src/x.ts';`, 'leaves examples/demo'],
    ['examples/demo/src/a.ts', `import '@novita-webhooks/express';`, 'is not declared'],
    ['examples/demo/src/a.ts', `import express from 'express';`, 'is not declared'],
    ['examples/demo/src/a.ts', `import { test } from 'vitest';`, 'is not declared'],
  ])('refuses %s: %s', (file, text, reason) => {
    expect(violations(file, text)).toContainEqual(expect.stringContaining(reason));
  });

  test('refuses a package without a row, and a dependency that nothing imports', () => {
    const manifest: Manifest = { name: 'new', dependencies: { zod: '4' } };
    const files = { 'packages/new/src/a.ts': `import 'node:fs';` };
    const found = findViolations([{ folder: 'packages/new', manifest, files }], root);
    expect(found).toEqual([
      expect.stringContaining('packages/new has no row'),
      `packages/new/package.json: nothing imports 'zod'`,
    ]);
  });
});

describe('the cycle checker', () => {
  const member = (files: Record<string, string>) => ({
    folder: 'packages/core',
    manifest: core,
    files,
  });

  test('finds a circle', () => {
    const files = {
      'a.ts': `import './b.ts';`,
      'b.ts': `import './c.ts';`,
      'c.ts': `import './b.ts';`,
    };
    expect(findCycles(member(files))).toEqual(['b.ts → c.ts → b.ts']);
  });

  test('leaves type-only imports out', () => {
    const files = { 'a.ts': `import './b.ts';`, 'b.ts': `import type { A } from './a.ts';` };
    expect(findCycles(member(files))).toEqual([]);
  });
});

test('a clause of nothing but types is still loaded, unless the clause itself says `type`', () => {
  const kinds = (text: string) => readImports('a.ts', text).map(({ kind }) => kind);
  expect(kinds(`import { type A } from 'a';`)).toEqual(['static']);
  expect(kinds(`import type { A } from 'a';`)).toEqual(['type']);
  expect(kinds(`export type { A } from 'a';`)).toEqual(['type']);
});
