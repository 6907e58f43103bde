// Tests every example as a new user: copies it, installs the packed packages, follows its README with
// free ports, and checks its types. Needs a build. Arguments: the names of some examples.
//
// Rules for a README: Each `sh` block is a terminal, in order. All but the last keep running, and print
// that they are listening, working or ready. The last one ends by itself. A required server is written
// as: the one that `DATABASE_URL` names, or else `postgres://…`. A required command such as nats-server
// is called in its own line. Without them the example is skipped; with REQUIRE_SERVICES set it fails.
import { once } from 'node:events';
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { basename, delimiter, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import pg from 'pg';

import { capture, onAllCores } from './lib/capture.mjs';
import { freePort } from './lib/free-port.mjs';
import { inTemporaryFolder, packAll, readJson, root } from './lib/packages.mjs';
import { openTerminal, TIMEOUT_MS } from './lib/terminal.mjs';

/** `npm run demo` runs it, so it has no README to follow. */
const SKIPPED = ['demo'];

/** Without the tools of this workspace: an example must declare what it uses. */
function cleanEnvironment() {
  const path = process.env.PATH.split(delimiter).filter((folder) => !/node_modules/.test(folder));
  const isOfNpmRun = (name) => /^(npm_(package|lifecycle)_|INIT_CWD$|NODE_ENV$)/.test(name);
  const rest = Object.entries(process.env).filter(([name]) => !isOfNpmRun(name));
  return { ...Object.fromEntries(rest), PATH: path.join(delimiter), NO_COLOR: '1' };
}

/** Copies an example, with our packages from the tarballs instead of from the registry. */
function copyExample(name, folder, packed) {
  const copy = join(folder, name);
  const isOurs = (source) => basename(source) !== 'node_modules';
  cpSync(join(root, 'examples', name), copy, { recursive: true, filter: isOurs });
  const manifest = readJson(join(copy, 'package.json'));
  for (const { manifest: ours, tarball } of packed) {
    if (manifest.dependencies[ours.name] === undefined) continue;
    if (manifest.dependencies[ours.name] !== ours.version)
      throw new Error(`check-examples: ${name} needs ${ours.name} ${ours.version}.`);
    manifest.dependencies[ours.name] = `file:../${basename(tarball)}`;
  }
  writeFileSync(join(copy, 'package.json'), JSON.stringify(manifest, null, 2));
  return copy;
}

/** Returns the `sh` blocks of a README: one for each terminal. */
function readCommands(folder) {
  const readme = readFileSync(join(folder, 'README.md'), 'utf8');
  return [...readme.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, commands]) => commands);
}

const UP = /listening|^working$|server is ready|✓ Ready in/i;
const READY = /order.*is ready/;

/** Opens the terminals in order, and waits until the order is ready. */
async function followTerminals(commands, open) {
  const running = [];
  for (const command of commands.slice(0, -1)) {
    running.push(open(command));
    await running.at(-1).wait(UP);
  }
  const last = open(commands.at(-1));
  await last.end();
  const lines = () => [...running, last].flatMap((terminal) => terminal.lines());
  // If a terminal keeps running, the simulator also delivers a copy of the event.
  if (running.length > 0) await waitUntil(() => count(lines(), /^delivered .* 200/) >= 2, lines);
  await waitUntil(() => count(lines(), READY) > 0, lines);
  for (const terminal of running.reverse()) await terminal.stop();
  return lines();
}

const count = (lines, pattern) => lines.filter((line) => pattern.test(line)).length;

async function waitUntil(isTrue, lines) {
  const deadline = Date.now() + TIMEOUT_MS;
  while (!isTrue() && Date.now() < deadline) await pause(20);
  if (!isTrue())
    throw new Error(
      `check-examples: timed out after ${TIMEOUT_MS} ms: ${isTrue}\n${lines().join('\n')}`,
    );
}

/** Maps the ports in commands to free ports. */
async function mapPorts(commands) {
  const found = commands.join('\n').matchAll(/(?::|PORT=|--port )(\d{4,5})\b/g);
  const wanted = new Set(['3000', '4000', '4222', ...[...found].map(([, port]) => port)]);
  const pairs = [...wanted].map(async (port) => [port, String(await freePort())]);
  const free = new Map(await Promise.all(pairs));
  const replace = (text) =>
    text.replace(/(:|PORT=|--port )(\d{4,5})\b/g, (_, before, port) => before + free.get(port));
  return { free, replace };
}

async function followReadme(folder, ownEnv) {
  const commands = readCommands(folder);
  const { free, replace } = await mapPorts(commands);
  const env = {
    ...cleanEnvironment(),
    PORT: free.get('3000'),
    NOVITA_PORT: free.get('4000'),
    NATS_URL: `nats://127.0.0.1:${free.get('4222')}`,
    ...ownEnv,
  };
  const terminals = [];
  const open = (command) => {
    terminals.push(openTerminal(replace(command), folder, env));
    return terminals.at(-1);
  };
  try {
    const lines = await followTerminals(commands, open);
    const handled = lines.filter((line) => READY.test(line));
    if (handled.length === 1 && /\b42\b/.test(handled[0])) return;
    throw new Error(`check-examples: order 42 was not handled exactly once\n${lines.join('\n')}`);
  } finally {
    for (const { kill } of terminals) kill();
  }
}

async function isListening(url) {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const connected = once(socket, 'connect').then(
    () => true,
    () => false,
  );
  const isListening = await Promise.race([connected, pause(2000, false, { ref: false })]);
  socket.destroy();
  return isListening;
}

/** Returns the servers and commands that a README requires and that are missing. */
async function findMissing(folder) {
  const readme = readFileSync(join(folder, 'README.md'), 'utf8');
  const missing = [];
  for (const [, variable, fallback] of readme.matchAll(NAMED_SERVER)) {
    const url = process.env[variable] ?? fallback;
    if (!(await isListening(url))) missing.push(`a server at ${url} (${variable})`);
  }
  for (const command of KNOWN_SERVERS) {
    const isCalled = readCommands(folder).some((block) => block.includes(`\n${command} `));
    const isThere = process.env.PATH.split(delimiter).some((path) =>
      existsSync(join(path, command)),
    );
    if (isCalled && !isThere) missing.push(`${command} in PATH`);
  }
  return missing;
}

const NAMED_SERVER = /`(\w+_URL)`(?:\s+names)?,\s+or\s+else\s+`(\w+:\/\/[^`]+)`/g;
const KNOWN_SERVERS = ['nats-server', 'redis-server'];

/** Checks the types of an example with its own dependencies only. */
async function checkTypes(folder) {
  const compilerOptions = {
    target: 'ES2023',
    module: 'nodenext',
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    allowImportingTsExtensions: true,
    noEmit: true,
    skipLibCheck: true, // check-consumer.mjs checks our types
    types: ['node'],
    experimentalDecorators: true, // Nest has no others
  };
  const project = join(folder, 'tsconfig.check.json');
  writeFileSync(project, JSON.stringify({ compilerOptions, include: ['src'] }));
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const { status, output } = await capture(process.execPath, [tsc, '-p', project], { cwd: folder });
  if (status !== 0) throw new Error(output);
}

/** Gives the PostgreSQL example a database of its own: what an earlier run left must not matter. */
async function withOwnDatabase(name, work) {
  if (name !== 'postgres') return work({});
  const url = new URL(process.env.DATABASE_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres');
  const client = new pg.Client({ connectionString: url.href });
  const database = `novita_examples_${process.pid}`;
  await client.connect();
  try {
    await client.query(`CREATE DATABASE ${database}`);
    url.pathname = `/${database}`;
    return await work({ DATABASE_URL: url.href });
  } finally {
    await client.query(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`);
    await client.end();
  }
}

async function tryExample(name, folder, packed) {
  const start = Date.now();
  const seconds = () => `${((Date.now() - start) / 1000).toFixed(1)} s`;
  try {
    const missing = await findMissing(join(root, 'examples', name));
    if (missing.length > 0) {
      const message = `NOT TESTED  ${name}: needs ${missing.join(' and ')}`;
      if (process.env.CI || process.env.REQUIRE_SERVICES) throw new Error(message);
      console.warn(message);
      return;
    }
    const copy = copyExample(name, folder, packed);
    await withOwnDatabase(name, (ownEnv) => followReadme(copy, ownEnv));
    await checkTypes(copy);
    console.log(`ok  ${name}: README followed, types checked, ${seconds()}`);
  } catch (error) {
    console.log(`NOT OK  ${name}, ${seconds()}\n${error.message}`);
    process.exitCode = 1;
  }
}

await inTemporaryFolder(async (folder) => {
  const packed = packAll(folder);
  const asked = process.argv.slice(2);
  const all = readdirSync(join(root, 'examples')).filter((name) => !SKIPPED.includes(name));
  const names = asked.length > 0 ? asked : all;
  await onAllCores(names, (name) => tryExample(name, folder, packed));
});
