import { build } from 'esbuild';
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

/** A runtime, as `scripts/test-matrix.mjs` passes it in TEST_RUNTIMES. */
export interface Runtime {
  readonly kind: 'node' | 'bun' | 'deno' | 'workerd';
  /** The title of its column in the table: name and version. */
  readonly column: string;
  readonly binary: string;
}

export type ServerName = 'node-http' | 'node-fetch' | 'bun' | 'deno' | 'workerd';

export interface RuntimeServer {
  readonly origin: string;
  stop(): Promise<void>;
}

const here = fileURLToPath(new URL('.', import.meta.url));
const cache = fileURLToPath(new URL('../../.cache/', import.meta.url));
const START_TIMEOUT_MS = 20_000;

/** Starts a program of `servers/` in a runtime, on a free port of 127.0.0.1. */
export async function startServer(runtime: Runtime, server: ServerName): Promise<RuntimeServer> {
  mkdirSync(cache, { recursive: true });
  // Inside the repository: the runtime resolves packages from node_modules.
  const folder = mkdtempSync(join(cache, 'server-'));
  const file = join(folder, 'server.mjs');
  await bundle(server, file);
  copyFileSync(join(here, 'servers/workerd.capnp'), join(folder, 'workerd.capnp'));
  const { command, env } = commandFor(runtime, folder);
  const child = spawn(runtime.binary, command, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stderr: string[] = [];
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk.toString()));
  const stop = async () => {
    const crashed = child.exitCode !== null || child.signalCode !== null;
    child.kill('SIGKILL');
    if (!crashed) await once(child, 'exit');
    rmSync(folder, { recursive: true, force: true });
    if (crashed) throw new Error(`runtime server: exited by itself\n${stderr.join('')}`);
  };
  try {
    return { origin: `http://127.0.0.1:${await readPort(child)}`, stop };
  } catch (error) {
    await stop();
    throw new Error(stderr.join(''), { cause: error });
  }
}

function commandFor({ kind }: Runtime, folder: string) {
  const file = join(folder, 'server.mjs');
  const env = { DENO_DIR: join(cache, 'deno'), DENO_NO_UPDATE_CHECK: '1', DO_NOT_TRACK: '1' };
  if (kind === 'workerd') {
    return { env, command: ['serve', join(folder, 'workerd.capnp'), '--control-fd=1'] };
  }
  // Core needs no permission but to listen.
  if (kind === 'deno') {
    const flags = ['--no-lock', '--node-modules-dir=manual', '--allow-net=127.0.0.1'];
    return { env, command: ['run', '--quiet', '--no-prompt', ...flags, file] };
  }
  return { env, command: [file] };
}

/** The runtime resolves packages itself. Only a Worker must be one file. */
async function bundle(server: ServerName, outfile: string): Promise<void> {
  const { metafile } = await build({
    entryPoints: [join(here, `servers/${server}.ts`)],
    outfile,
    bundle: true,
    format: 'esm',
    target: 'es2022',
    logLevel: 'silent',
    metafile: true,
    // Without the paths of tsconfig.json: they map packages to their source.
    tsconfigRaw: {},
    ...(server === 'workerd'
      ? { platform: 'neutral', conditions: ['workerd'], mainFields: ['module', 'main'] }
      : { platform: 'node', packages: 'external' }),
  });
  const source = Object.keys(metafile.inputs).find((path) => path.includes('packages/core/src'));
  if (source !== undefined)
    throw new Error(`runtime server: ${source} was bundled instead of dist. Build core first.`);
}

/** Every server prints `{"port":…}` in its own line; workerd does so too. */
async function readPort(child: ChildProcessByStdio<null, Readable, Readable>): Promise<number> {
  const timeout = setTimeout(() => child.kill('SIGKILL'), START_TIMEOUT_MS);
  try {
    for await (const line of createInterface(child.stdout)) {
      const port = /"port":(\d+)/.exec(line)?.[1];
      if (port !== undefined) return Number(port);
    }
    throw new Error('runtime server: it printed no port');
  } finally {
    clearTimeout(timeout);
    child.stdout.resume();
  }
}
