// Tries every example as a new user would: in a fresh folder with the packed packages, doing what its
// README says and nothing else, except that the ports are free ones. And checks its types. Needs a
// build. With names as arguments, only those.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { basename, delimiter, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { inTemporaryFolder, packAll, readJson, root, run } from './packages.mjs';

/** Not one to follow by hand: `npm run demo` runs it. */
const NOT_TRIED = ['demo'];
const PATIENCE_MS = 90_000;
const STOP_MS = 5000;

/** Nothing of this workspace, such as tools that an example forgot to declare. */
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
    if (manifest.dependencies[ours.name] !== ours.version) throw new Error(`wants no ${ours.name}`);
    manifest.dependencies[ours.name] = `file:../${basename(tarball)}`;
  }
  writeFileSync(join(copy, 'package.json'), JSON.stringify(manifest, null, 2));
  return copy;
}

/** The commands of a README: one block for each terminal. */
function readCommands(folder) {
  const readme = readFileSync(join(folder, 'README.md'), 'utf8');
  return [...readme.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, commands]) => commands);
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return String(port);
}

/** Commands in a terminal of their own: what they print, and a way to end them all. */
function openTerminal(commands, cwd, env) {
  // A group of its own, so that Ctrl-C reaches what npm has started.
  const shell = spawn('sh', ['-ec', commands], { cwd, env, detached: true });
  let output = '';
  let ended = false;
  for (const stream of [shell.stdout, shell.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => (output += text));
  }
  const closed = once(shell, 'close').then(() => (ended = true));
  const signal = (name) => {
    try {
      process.kill(-shell.pid, name);
    } catch {
      // They are gone already.
    }
  };
  return {
    lines: () => output.split('\n'),
    kill: () => signal('SIGKILL'),
    /** Resolves as soon as as many lines match. */
    async wait(pattern, count = 1) {
      const deadline = Date.now() + PATIENCE_MS;
      const missing = () => output.split('\n').filter((line) => pattern.test(line)).length < count;
      while (missing() && !ended && Date.now() < deadline) await pause(20);
      if (missing()) throw new Error(`no ${count} times ${pattern} after\n${commands}\n${output}`);
    },
    async stop() {
      signal('SIGTERM');
      // The pipes close when the last process that was started there has ended.
      await Promise.race([closed, pause(STOP_MS, null, { ref: false })]);
      if (!ended) throw new Error(`still runs ${STOP_MS} ms after SIGTERM:\n${output}`);
    },
    async end() {
      await Promise.race([closed, pause(PATIENCE_MS, null, { ref: false })]);
      if (!ended || shell.exitCode !== 0) throw new Error(`${commands} failed\n${output}`);
    },
  };
}

/** A local Novita, a server, an order: three terminals. The handler must have run once. */
async function followServer([novita, server, order], open) {
  const first = open(novita);
  await first.wait(/^Novita is listening/);
  const second = open(server);
  await second.wait(/listening/i);
  const third = open(order);
  await third.end();
  await first.wait(/^delivered .* 200/, 2);
  await second.wait(/order.*is ready/);
  await second.stop();
  await first.stop();
  return second;
}

async function followPipe([pipe], open) {
  const terminal = open(pipe);
  await terminal.end();
  return terminal;
}

async function followReadme(folder) {
  const [port, novitaPort] = [await freePort(), await freePort()];
  const env = { ...cleanEnvironment(), PORT: port, NOVITA_PORT: novitaPort };
  const terminals = [];
  const open = (commands) => {
    const onFreePorts = commands
      .replaceAll(':3000', `:${port}`)
      .replaceAll(':4000', `:${novitaPort}`);
    terminals.push(openTerminal(onFreePorts, folder, env));
    return terminals.at(-1);
  };
  try {
    const commands = readCommands(folder);
    const { lines } = await (commands.length === 1 ? followPipe : followServer)(commands, open);
    const handled = lines().filter((line) => /order.*is ready/.test(line));
    if (handled.length === 1 && /\b42\b/.test(handled[0])) return;
    throw new Error(`was to handle order 42 once\n${lines().join('\n')}`);
  } finally {
    for (const { kill } of terminals) kill();
  }
}

/** With its own types only, as an editor would that opens the folder. */
function checkTypes(folder) {
  const compilerOptions = {
    target: 'ES2023',
    module: 'nodenext',
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    allowImportingTsExtensions: true,
    noEmit: true,
    skipLibCheck: true, // of the frameworks; ours are checked by check-consumer.mjs
    types: ['node'],
  };
  const project = join(folder, 'tsconfig.check.json');
  writeFileSync(project, JSON.stringify({ compilerOptions, include: ['src'] }));
  run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', project], folder);
}

await inTemporaryFolder(async (folder) => {
  const packed = packAll(folder);
  const asked = process.argv.slice(2);
  const all = readdirSync(join(root, 'examples')).filter((name) => !NOT_TRIED.includes(name));
  for (const name of asked.length > 0 ? asked : all) {
    const start = Date.now();
    const seconds = () => `${((Date.now() - start) / 1000).toFixed(1)} s`;
    try {
      const copy = copyExample(name, folder, packed);
      await followReadme(copy);
      checkTypes(copy);
      console.log(`ok  ${name}: its README followed, its types checked, ${seconds()}`);
    } catch (error) {
      console.log(`NOT OK  ${name}, ${seconds()}`);
      throw error;
    }
  }
});
