import type { SqliteDriver } from '@novita-webhooks/inbox-sqlite';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'tsup';

const PACKAGE = join(import.meta.dirname, '../..');
const NAME = '@novita-webhooks/inbox-sqlite';

/**
 * Builds the package like a release, but with its dependencies in the bundle, so that it works in any
 * folder.
 *
 * @returns the folder of the build
 */
export async function buildPackage(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'novita-built-'));
  await build({
    config: join(PACKAGE, 'tsup.config.ts'),
    entry: [join(PACKAGE, 'src/index.ts')],
    outDir: folder,
    dts: false,
    noExternal: [/./],
    silent: true,
    tsconfig: join(PACKAGE, 'tsconfig.json'),
  });
  const exports = { '.': { import: './index.js', require: './index.cjs' } };
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ name: NAME, type: 'module', exports }),
  );
  return folder;
}

/** Copies a built package into a folder's `node_modules`. */
export function install(built: string, folder: string): void {
  const target = join(folder, 'node_modules', NAME);
  mkdirSync(join(target, '..'), { recursive: true });
  cpSync(built, target, { recursive: true });
}

/** Installs a library that prints its name when it opens a database, or that runs `code`. */
export function installFake(folder: string, name: SqliteDriver, code?: string): void {
  const target = join(folder, 'node_modules', name);
  mkdirSync(target, { recursive: true });
  writeFileSync(join(target, 'package.json'), JSON.stringify({ name, version: '12.0.0' }));
  const printName = `module.exports = class { constructor() { console.log('opened by ${name}'); } close() {} };`;
  writeFileSync(join(target, 'index.js'), code ?? printName);
}

/** Installs a link to a real library. */
export function installReal(folder: string, name: SqliteDriver, from: string): void {
  mkdirSync(join(folder, 'node_modules'), { recursive: true });
  symlinkSync(join(from, 'node_modules', name), join(folder, 'node_modules', name), 'junction');
}

export interface AppOptions {
  /** The module format of the application. */
  readonly as?: 'esm' | 'cjs';
  /** The folder where the package is installed; default: the application's. */
  readonly from?: string;
  readonly driver?: string;
  /** Runs Node without `node:sqlite`. */
  readonly withoutBuiltIn?: boolean;
}

/** Runs an application that opens a store, in its folder, and returns its output. */
export function runApp(folder: string, { as = 'esm', from, driver, ...rest }: AppOptions = {}) {
  const options = JSON.stringify({ path: join(folder, 'webhooks.db'), driver });
  const entry =
    from === undefined
      ? NAME
      : join(from, 'node_modules', NAME, `index.${as === 'esm' ? 'js' : 'cjs'}`);
  const load =
    as === 'esm'
      ? `import { sqliteStore } from '${entry}';`
      : `const { sqliteStore } = require('${entry}');`;
  const file = join(folder, as === 'esm' ? 'app.mjs' : 'app.cjs');
  writeFileSync(
    file,
    `${load}
    (async () => {
      const store = sqliteStore(${options});
      console.log('stats ' + JSON.stringify(await store.stats()));
      await store.close();
    })().catch(({ code, message }) => console.log(code + ': ' + message));`,
  );
  const { version } = process;
  const flags =
    rest.withoutBuiltIn && !/^v(18|20)\./.test(version) ? ['--no-experimental-sqlite'] : [];
  const { stdout, stderr, signal } = spawnSync(process.execPath, [...flags, file], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '', NODE_PATH: '' },
  });
  return { output: stdout, stderr, signal };
}
