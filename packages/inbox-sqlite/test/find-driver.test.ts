import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { betterSqliteFolder, hasBuiltIn, runsBetterSqlite } from './support/drivers.ts';
import { temporaryFolder } from './support/temporary-files.ts';
import {
  buildPackage,
  install,
  installFake,
  installReal,
  runApp,
  runInlineApp,
} from './support/installed-package.ts';

const root = join(import.meta.dirname, '../../..');
let built = '';

beforeAll(async () => {
  built = await buildPackage();
}, 60_000);
afterAll(() => rmSync(built, { recursive: true, force: true }));

/** Creates an application in which only the package is installed. */
function newApp(): string {
  const folder = temporaryFolder();
  install(built, folder);
  return folder;
}

const NONE = { expected: 0, pending: 0, running: 0, done: 0, dead: 0, lagMs: 0 };
const EMPTY_STATS = `stats ${JSON.stringify(NONE)}\n`;

const WHEN_BUNDLED =
  'If it is installed but a bundler or the file tracing of Next.js left it out of the deployment, import ' +
  'the library yourself and pass `database: new Database(path)`, or name it in ' +
  'outputFileTracingIncludes.';

describe('findDriver without a SQLite library', () => {
  test('throws an error that says what to install', () => {
    const { output } = runApp(newApp(), { withoutBuiltIn: true });
    expect(output).toMatch(/^invalid_option: inbox-sqlite: found no SQLite library/);
    expect(output).toContain('npm install libsql');
    expect(output).toContain('npm install better-sqlite3');
    expect(output).toContain(process.version);
    expect(output).toContain('Node 22.13');
    expect(output).toContain(WHEN_BUNDLED);
  });

  test.each(['libsql', 'better-sqlite3'])(
    'throws an error that says how to install %s',
    (driver) => {
      const { output } = runApp(newApp(), { driver });
      expect(output).toBe(
        `invalid_option: inbox-sqlite: cannot load ${driver}. Run \`npm install ${driver}\`. ${WHEN_BUNDLED}\n`,
      );
    },
  );

  test('throws an error that says which Node has node:sqlite', () => {
    const { output } = runApp(newApp(), { driver: 'node:sqlite', withoutBuiltIn: true });
    expect(output).toMatch(
      /^invalid_option: inbox-sqlite: Node v.* has no node:sqlite\. Use Node 22\.13 or later\.\n$/,
    );
  });
});

test('sqliteStore rejects an unknown driver', () => {
  const { output } = runApp(newApp(), { driver: 'sqlite3' });
  expect(output).toBe(
    'invalid_option: inbox-sqlite: driver: must be one of node:sqlite, better-sqlite3, libsql.\n',
  );
});

describe('findDriver with several libraries', () => {
  const withFakes = () => {
    const app = newApp();
    installFake(app, 'libsql');
    installFake(app, 'better-sqlite3');
    return app;
  };

  test.skipIf(!hasBuiltIn)('loads node:sqlite first', () => {
    expect(runApp(withFakes()).output).toBe(EMPTY_STATS);
  });

  test('loads better-sqlite3 before libsql', () => {
    const { output } = runApp(withFakes(), { withoutBuiltIn: true });
    expect(output).toContain('opened by better-sqlite3');
    expect(output).not.toContain('opened by libsql');
  });

  test.each(['libsql', 'better-sqlite3'])('loads %s when the option names it', (driver) => {
    const { output } = runApp(withFakes(), { driver });
    expect(output.match(/opened by \S+/g)?.every((line) => line === `opened by ${driver}`)).toBe(
      true,
    );
  });

  test.each([
    ['cannot be loaded', `throw new Error('Module did not self-register');`],
    ['lacks one of its own modules', `require('bindings');`],
    [
      'has no binary for this Node',
      `module.exports = class { constructor() { throw new Error('Could not locate the bindings file'); } };`,
    ],
  ])('skips a library that %s', (_, code) => {
    const app = newApp();
    installFake(app, 'better-sqlite3', code);
    installFake(app, 'libsql');
    expect(runApp(app, { withoutBuiltIn: true }).output).toContain('opened by libsql');
  });
});

describe('findDriver finds a library', () => {
  const libsqlRoot = dirname(dirname(dirname(createRequire(import.meta.url).resolve('libsql'))));

  test.each(['esm', 'cjs'] as const)('beside the package, from %s', (as) => {
    const app = newApp();
    installReal(app, 'libsql', libsqlRoot);
    expect(runApp(app, { as, driver: 'libsql' }).output).toBe(EMPTY_STATS);
  });

  test.each(['esm', 'cjs'] as const)(
    'in the application if the package is elsewhere, from %s',
    (as) => {
      const app = temporaryFolder();
      const from = newApp();
      installReal(app, 'libsql', libsqlRoot);
      expect(runApp(app, { as, from, driver: 'libsql' }).output).toBe(EMPTY_STATS);
    },
  );

  test.each(['import', 'import without type', 'require', 'stdin'] as const)(
    'beside the package, from code that is in no file: %s',
    (how) => {
      const app = newApp();
      installReal(app, 'libsql', libsqlRoot);
      expect(runInlineApp(app, how).output).toBe(EMPTY_STATS);
    },
  );

  test.each(['esm', 'cjs'] as const)(
    'in Node, or throws an error if Node has none, from %s',
    (as) => {
      const { output } = runApp(newApp(), { as, driver: 'node:sqlite' });
      if (hasBuiltIn) expect(output).toBe(EMPTY_STATS);
      else expect(output).toContain('has no node:sqlite');
    },
  );
});

describe.skipIf(betterSqliteFolder === undefined)('findDriver with better-sqlite3 from npm', () => {
  test.each(['better-sqlite3', undefined])('with the option driver %s', (driver) => {
    const app = newApp();
    installReal(app, 'better-sqlite3', betterSqliteFolder ?? root);
    const { output, signal } = runApp(app, { withoutBuiltIn: true, ...(driver && { driver }) });
    expect(signal).toBeNull(); // loading it crashes the process on a Node that is too old
    if (runsBetterSqlite) expect(output).toBe(EMPTY_STATS);
    else expect(output).toMatch(/^invalid_option: /);
  });
});
