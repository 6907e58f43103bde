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
} from './support/installed-package.ts';

const root = join(import.meta.dirname, '../../..');
let built = '';

beforeAll(async () => {
  built = await buildPackage();
}, 60_000);
afterAll(() => rmSync(built, { recursive: true, force: true }));

/** An application of its own, with the package in it and nothing else. */
function newApp(): string {
  const folder = temporaryFolder();
  install(built, folder);
  return folder;
}

const NONE = { pending: 0, running: 0, done: 0, dead: 0, lagMs: 0 };
const WORKS = `stats ${JSON.stringify(NONE)}\n`;

describe('without any SQLite library', () => {
  test('the error says what to install', () => {
    const { said } = runApp(newApp(), { withoutBuiltIn: true });
    expect(said).toMatch(/^invalid_option: sqliteInbox: no SQLite library was found/);
    expect(said).toContain('npm install libsql');
    expect(said).toContain('npm install better-sqlite3');
    expect(said).toContain(process.version);
    expect(said).toContain('Node 22.13');
  });

  test.each(['libsql', 'better-sqlite3'])('and %s asked for, it says how to get that', (driver) => {
    const { said } = runApp(newApp(), { driver });
    expect(said).toBe(
      `invalid_option: sqliteInbox: ${driver} cannot be loaded; run \`npm install ${driver}\`\n`,
    );
  });

  test('and node:sqlite asked for, it says which Node has it', () => {
    const { said } = runApp(newApp(), { driver: 'node:sqlite', withoutBuiltIn: true });
    expect(said).toMatch(
      /^invalid_option: sqliteInbox: this Node .* has no node:sqlite; Node 22\.13 has it\n$/,
    );
  });
});

test('a driver that is none is refused', () => {
  const { said } = runApp(newApp(), { driver: 'sqlite3' });
  expect(said).toBe(
    'invalid_option: sqliteInbox: driver must be one of node:sqlite, better-sqlite3, libsql\n',
  );
});

describe('of several libraries', () => {
  const withFakes = () => {
    const app = newApp();
    installFake(app, 'libsql');
    installFake(app, 'better-sqlite3');
    return app;
  };

  test.skipIf(!hasBuiltIn)("Node's own comes first", () => {
    expect(runApp(withFakes()).said).toBe(WORKS);
  });

  test('better-sqlite3 comes before libsql', () => {
    const { said } = runApp(withFakes(), { withoutBuiltIn: true });
    expect(said).toContain('opened by better-sqlite3');
    expect(said).not.toContain('opened by libsql');
  });

  test.each(['libsql', 'better-sqlite3'])('%s is taken when it is asked for', (driver) => {
    const { said } = runApp(withFakes(), { driver });
    expect(said.match(/opened by \S+/g)?.every((line) => line === `opened by ${driver}`)).toBe(
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
  ])('one that %s is passed over', (_, code) => {
    const app = newApp();
    installFake(app, 'better-sqlite3', code);
    installFake(app, 'libsql');
    expect(runApp(app, { withoutBuiltIn: true }).said).toContain('opened by libsql');
  });
});

describe('a library is found', () => {
  const libsqlRoot = dirname(dirname(dirname(createRequire(import.meta.url).resolve('libsql'))));

  test.each(['esm', 'cjs'] as const)('beside the package, from %s', (as) => {
    const app = newApp();
    installReal(app, 'libsql', libsqlRoot);
    expect(runApp(app, { as, driver: 'libsql' }).said).toBe(WORKS);
  });

  test.each(['esm', 'cjs'] as const)(
    'in the application, when the package is elsewhere, from %s',
    (as) => {
      const app = temporaryFolder();
      const from = newApp();
      installReal(app, 'libsql', libsqlRoot);
      expect(runApp(app, { as, from, driver: 'libsql' }).said).toBe(WORKS);
    },
  );

  test.each(['esm', 'cjs'] as const)('in Node itself, or the error says so, from %s', (as) => {
    const { said } = runApp(newApp(), { as, driver: 'node:sqlite' });
    if (hasBuiltIn) expect(said).toBe(WORKS);
    else expect(said).toContain('has no node:sqlite');
  });
});

describe.skipIf(betterSqliteFolder === undefined)('better-sqlite3 as npm installs it', () => {
  test.each(['better-sqlite3', undefined])('with the option driver %s', (driver) => {
    const app = newApp();
    installReal(app, 'better-sqlite3', betterSqliteFolder ?? root);
    const { said, signal } = runApp(app, { withoutBuiltIn: true, ...(driver && { driver }) });
    expect(signal).toBeNull(); // on a Node that is too old for it, it brings down the process
    if (runsBetterSqlite) expect(said).toBe(WORKS);
    else expect(said).toMatch(/^invalid_option: /);
  });
});
