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

export async function startRedisServer(settings: readonly string[] = []): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), 'novita-redis-'));
  const port = await freePort();
  const redis = new Redis(port, { lazyConnect: true, retryStrategy: () => 50 });
  redis.on('error', () => undefined);
  let child: ChildProcess | undefined;
  const stopWithParent = () => child?.kill('SIGKILL');
  process.once('exit', stopWithParent);

  async function kill(): Promise<void> {
    if (child === undefined) return;
    const ended = once(child, 'close');
    child.kill('SIGKILL');
    await ended;
    child = undefined;
  }

  async function start(): Promise<void> {
    const fixed = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', ''];
    child = spawn('redis-server', [...fixed, ...settings], { stdio: 'ignore' });
    while ((await redis.ping().catch(() => null)) !== 'PONG') {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  await start();
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
