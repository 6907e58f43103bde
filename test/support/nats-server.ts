// A nats-server of a test's own, that can be killed and started again on the same files.
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { root } from './workspace.ts';
import { freePort } from './program.ts';

export interface NatsServer {
  readonly url: string;
  /** As a power switch would, except that what was written to files is there afterwards. */
  kill(): Promise<void>;
  /** On the same port and files. */
  start(): Promise<void>;
  /** For good, and its files with it. */
  remove(): Promise<void>;
}

const CONFIG = join(root, 'examples/nats/nats.conf');
const PATIENCE_MS = 10_000;

/**
 * The version of nats-server; `undefined`, said aloud, where there is none in PATH.
 *
 * @param what is not tested without it
 * @throws when the environment does not allow to skip
 */
export async function findNatsServer(what: string): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)('nats-server', ['--version']);
    return stdout.trim();
  } catch (error) {
    const message =
      `NOT TESTED: ${what}: no nats-server in PATH (${String(error)}). ` +
      'It is a Debian package of that name';
    if (process.env['CI'] || process.env['REQUIRE_SERVICES']) {
      throw new Error(message, { cause: error });
    }
    console.warn(`\n  ⚠ ${message}\n`);
    return undefined;
  }
}

/** Starts one on a free port, with its files in a temporary folder. */
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
      started.on('exit', () => reject(new Error(`nats-server ended:\n${output}`)));
      setTimeout(() => reject(new Error(`not ready:\n${output}`)), PATIENCE_MS).unref();
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
