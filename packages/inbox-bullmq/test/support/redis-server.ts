import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Redis } from 'ioredis';
import { freePort } from '../../../../test/support/program.ts';

/** A Redis of a test's own, on a free port and in a temporary folder. */
export interface RedisServer {
  readonly port: number;
  readonly url: string;
  /** Of the test, to look at it and to meddle with it. */
  readonly redis: Redis;
  /** As when the machine fails. */
  kill(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

export const ALWAYS = ['--appendonly', 'yes', '--appendfsync', 'always'];

const isStrict = Boolean(process.env['CI'] ?? process.env['REQUIRE_SERVICES']);

/** Whether it is installed; a warning is printed when it is not. */
export function hasRedisServer(what: string): boolean {
  if (spawnSync('redis-server', ['--version']).status === 0 || isStrict) return true;
  console.warn(`\n  ⚠ NOT TESTED: ${what}: there is no redis-server in PATH\n`);
  return false;
}

const START_TRIES = 5;

/**
 * Starts a server. Its port can be taken since it was found free, and so can the port + 10,000,
 * which a cluster needs too: the next try takes another.
 *
 * @throws with the server's output, if it exits in every try
 */
export async function startRedisServer(settings: readonly string[] = []): Promise<RedisServer> {
  for (let tries = 1; ; tries += 1) {
    const server = await createRedisServer(await freePort(), settings);
    try {
      await server.start();
      return server;
    } catch (error) {
      await server.close();
      if (tries === START_TRIES) throw error;
    }
  }
}

async function createRedisServer(port: number, settings: readonly string[]): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), 'novita-redis-'));
  const redis = new Redis(port, { lazyConnect: true, retryStrategy: () => 50 });
  redis.on('error', () => undefined);
  let child: ChildProcess | undefined;
  const stopWithParent = () => child?.kill('SIGKILL');
  process.once('exit', stopWithParent);

  async function kill(): Promise<void> {
    if (child === undefined) return;
    const ended = once(child, 'close');
    if (child.kill('SIGKILL')) await ended;
    child = undefined;
  }

  async function start(): Promise<void> {
    const fixed = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', ''];
    const args = [...fixed, ...settings];
    const started = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
    child = started;
    let output = '';
    started.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    while ((await redis.ping().catch(() => null)) !== 'PONG') {
      if (started.exitCode !== null) throw new Error(`redis-server: cannot start:\n${output}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    redis,
    kill,
    start,
    async close() {
      redis.disconnect();
      await kill();
      process.removeListener('exit', stopWithParent);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
