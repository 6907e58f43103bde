import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { packages, root } from './support/workspace.ts';

interface Violation {
  readonly from: string;
  readonly rule: { readonly name: string };
}

/** A file that imports, what it says, and the rules that it breaks. */
type Case = readonly [file: string, text: string, ...rules: string[]];

const CASES: readonly Case[] = [
  // packages
  ['packages/core/src/events/zod.ts', `import { z } from 'zod';`],
  ['packages/core/src/events/node.ts', `import 'node:fs';`, 'package-core'],
  ['packages/core/src/adapters/node/http.ts', `import 'node:http';`, 'package-core'],
  ['packages/core/src/events/framework.ts', `import 'express';`, 'declared', 'package-core'],
  [
    'packages/core/src/events/typed.ts',
    `import type { A } from 'koa';`,
    'declared',
    'package-core',
  ],
  ['packages/core/src/events/lazy.ts', `await import('koa');`, 'declared', 'package-core'],
  ['packages/express/src/types.ts', `import type { Request } from 'express';`],
  ['packages/express/src/core.ts', `import '@novita-webhooks/core/node';`],
  ['packages/express/src/value.ts', `import { Router } from 'express';`, 'package-express-types'],
  [
    'packages/express/src/dev.ts',
    `import 'express-4';`,
    'package-express',
    'package-express-shipped',
  ],
  ['packages/express/src/test.ts', `import '@novita-webhooks/testing';`, 'package-express'],
  ['packages/inbox-bullmq/src/a.ts', `import 'node:fs'; import 'bullmq';`],
  ['packages/inbox-bullmq/src/b.ts', `import 'koa';`, 'declared', 'package-inbox-bullmq'],
  ['packages/simulator/src/a.ts', `import '@novita-webhooks/core';`],
  ['packages/simulator/src/b.ts', `import manifest from '../package.json';`],
  ['packages/simulator/src/c.ts', `import '@novita-webhooks/koa';`, 'package-simulator'],
  ['packages/koa/src/own.ts', `import './index.ts';`, 'no-own-entry'],
  ['packages/koa/src/tested.ts', `import '../test/a.ts';`, 'package-koa'],
  [
    'packages/koa/src/deep.ts',
    `import type { A } from '../../core/src/events/zod.ts';`,
    'by-name-only',
    'package-koa',
  ],
  ['packages/new/src/a.ts', `import './b.ts';`, 'package-without-row'],
  // the rest of the repository
  ['packages/koa/test/a.ts', `import '../src/types.ts'; import '@novita-webhooks/core';`],
  ['packages/koa/test/b.ts', `import '../../core/src/index.ts';`, 'by-name-only'],
  ['bench/a.ts', `import '../packages/core/src/events/zod.ts';`, 'by-name-only'],
  ['examples/koa/src/a.ts', `import '@novita-webhooks/koa';`],
  ['examples/koa/src/b.ts', `import '../../hono/src/a.ts';`, 'examples-stand-alone'],
  ['examples/koa/src/c.ts', `import 'bullmq';`, 'declared'],
  [
    'examples/koa/src/d.ts',
    `import '../../../packages/core/src/events/zod.ts';`,
    'by-name-only',
    'public-entries-only',
  ],
  // the folders of core
  ['packages/core/src/delivery/down.ts', `import '../handlers/a.ts'; import '../shared/a.ts';`],
  ['packages/core/src/handlers/up.ts', `import '../delivery/a.ts';`, 'core-handlers'],
  ['packages/core/src/handlers/side.ts', `import '../callback/a.ts';`, 'core-handlers'],
  ['packages/core/src/inbox/memory/up.ts', `import '../../callback/a.ts';`, 'core-inbox'],
  ['packages/core/src/callback/up.ts', `import '../options.ts';`, 'core-callback'],
  ['packages/core/src/shared/up.ts', `export type { A } from '../events/a.ts';`, 'core-shared'],
  ['packages/core/src/options.ts', `import './adapters/a.ts';`, 'core-receiver'],
  ['packages/core/src/new/a.ts', `import '../shared/a.ts';`, 'core-folder-without-row'],
  // cycles, between files and between folders
  ['packages/koa/src/chicken.ts', `import './egg.ts';`, 'no-cycles'],
  ['packages/inbox-sqlite/src/driver/a.ts', `import '../recovery/a.ts';`],
  ['packages/inbox-sqlite/src/recovery/b.ts', `import '../driver/b.ts';`],
];

/** Imported by the cases above. */
const TARGETS = [
  'packages/core/src/index.ts',
  'packages/core/src/adapters/node/index.ts',
  'packages/koa/src/index.ts',
  'packages/testing/src/index.ts',
  ...['adapters', 'callback', 'delivery', 'events', 'handlers', 'shared'].map(
    (folder) => `packages/core/src/${folder}/a.ts`,
  ),
  'packages/inbox-sqlite/src/driver/b.ts',
  'packages/inbox-sqlite/src/recovery/a.ts',
  'packages/new/src/b.ts',
  'examples/hono/src/a.ts',
];
const MODULES = ['bullmq', 'express', 'express-4', 'koa', 'zod'];

describe('the rules in .dependency-cruiser.mjs', () => {
  let folder: string;
  let violations: readonly Violation[];

  const write = async (file: string, text: string): Promise<void> => {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), text);
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'novita-arrows-'));
    const manifests = packages().map(({ folder: member }) => `${member}/package.json`);
    for (const file of ['tsconfig.json', ...manifests, 'examples/koa/package.json']) {
      await cp(join(root, file), join(folder, file));
    }
    for (const name of MODULES) {
      await write(`node_modules/${name}/package.json`, JSON.stringify({ name, main: 'index.js' }));
      await write(`node_modules/${name}/index.js`, '');
    }
    for (const file of TARGETS) await write(file, 'export type A = 1;');
    await write('packages/koa/src/egg.ts', `import type { A } from './chicken.ts';`);
    for (const [file, text] of CASES) await write(file, text);
    violations = await cruise(folder);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test.each(CASES.filter(([, , rule]) => rule === undefined))('allow %s: %s', (file) => {
    expect(brokenBy(file)).toEqual([]);
  });

  test.each(CASES.filter(([, , rule]) => rule !== undefined))('forbid %s: %s', (...args) => {
    const [file = '', , ...rules] = args;
    expect(brokenBy(file)).toEqual(rules);
  });

  test('forbid folders that import each other', () => {
    const sqlite = 'packages/inbox-sqlite/src';
    expect(brokenBy(`${sqlite}/driver`)).toEqual(['no-folder-cycles']);
    expect(brokenBy(`${sqlite}/recovery`)).toEqual(['no-folder-cycles']);
  });

  const brokenBy = (from: string): readonly string[] =>
    violations
      .filter((violation) => violation.from === from)
      .map(({ rule }) => rule.name)
      .sort();
});

/** Runs the real configuration on a folder that looks like this repository. */
async function cruise(cwd: string): Promise<readonly Violation[]> {
  const args = [
    join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs'),
    ...['--config', join(root, '.dependency-cruiser.mjs'), '--output-type', 'json'],
    ...['packages', 'examples', 'bench'],
  ];
  const stdout = await new Promise<string>((resolve, reject) => {
    const options = { cwd, maxBuffer: 64 * 1024 * 1024 };
    execFile(process.execPath, args, options, (_error, output, errors) => {
      // The exit code is the number of violations; without a report there is no output.
      if (output === '') reject(new Error(errors));
      else resolve(output);
    });
  });
  return (JSON.parse(stdout) as { summary: { violations: Violation[] } }).summary.violations;
}
