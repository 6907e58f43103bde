import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { root } from './workspace.ts';
import { freePort } from './program.ts';

/** A nats-server for one test. It can be killed and restarted on the same files. */
export interface NatsServer {
  readonly url: string;
  /** Sends SIGKILL. Written files survive, as the operating system does not crash. */
  kill(): Promise<void>;
  /** Starts it on the same port and files. */
  start(): Promise<void>;
  /** Kills it and removes its files. */
  remove(): Promise<void>;
}

const CONFIG = join(root, 'examples/nats/nats.conf');
const START_TIMEOUT_MS = 10_000;

/**
 * Resolves to the version of nats-server. Without one in PATH, prints a warning and resolves to
 * `undefined`.
 *
 * @param subject what is not tested without it
 * @throws if the environment does not allow a skip (`CI`, `REQUIRE_SERVICES`)
 */
export async function findNatsServer(subject: string): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)('nats-server', ['--version']);
    return stdout.trim();
  } catch (error) {
    const message =
      `NOT TESTED: ${subject}: no nats-server in PATH (${String(error)}). ` +
      'Install it, for example as the Debian package nats-server.';
    if (process.env['CI'] || process.env['REQUIRE_SERVICES']) {
      throw new Error(message, { cause: error });
    }
    console.warn(`\n  ⚠ ${message}\n`);
    return undefined;
  }
}

/** Starts a nats-server on a free port, with its files in a temporary folder. */
export async function startNatsServer(): Promise<NatsServer> {
  const folder = await mkdtemp(join(tmpdir(), 'novita-nats-'));
  const port = await freePort();
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    const where = ['--addr', '127.0.0.1', '--port', String(port), '--store_dir', folder];
    const started = spawn('nats-server', ['--config', CONFIG, ...where]);
    child = started;
    await new Promise<void>((resolve, reject) => {
      let output = '';
      started.stderr.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        if (output.includes('Server is ready')) resolve();
      });
      started.on('error', reject);
      started.on('exit', () =>
        reject(new Error(`nats-server: exited before it was ready:\n${output}`)),
      );
      setTimeout(
        () => reject(new Error(`nats-server: not ready:\n${output}`)),
        START_TIMEOUT_MS,
      ).unref();
    });
  }

  async function kill(): Promise<void> {
    if (child === undefined) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    child = undefined;
  }

  await start();
  return {
    url: `nats://127.0.0.1:${port}`,
    start,
    kill,
    async remove() {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
