import { fork } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { mkdir, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';

import { bundleProgram } from '../support/bundle-program.ts';
import { root } from '../support/workspace.ts';
import type { Adapter, Fault, FromServer, Report } from './protocol.ts';

/** A server process, as the fuzzing process sees it. */
export interface FuzzedServer {
  readonly port: number;
  /** How the process ended; `null` while it runs. */
  exit(): string | null;
  /** @throws Error if the process has ended */
  report(): Promise<Report>;
  stop(): Promise<void>;
}

/** Of this process; the first server waits for it. */
let bundled: Promise<string> | undefined;

async function bundle(): Promise<string> {
  const cache = join(root, '.cache');
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, 'fuzz-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return bundleProgram(new URL('server.ts', import.meta.url), folder, FRAMEWORKS);
}

/** Their packages load files of their own. */
const FRAMEWORKS = ['express*', 'fastify*', 'koa*', '@koa/*', '@hono/*'];

/** Starts the server of an adapter in a child process. */
export async function startServer(
  adapter: Adapter,
  fault: Fault | null = null,
): Promise<FuzzedServer> {
  const program = await (bundled ??= bundle());
  const child = fork(program, [JSON.stringify({ adapter, fault })], {
    execArgv: ['--expose-gc'],
    env: { ...process.env, NODE_OPTIONS: '', NODE_ENV: 'production' },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let stderr = '';
  let exit: string | null = null;
  child.stderr?.on('data', (chunk: Buffer) => (stderr = (stderr + chunk.toString()).slice(-3000)));
  const ended = once(child, 'close').then(([code, signal]: unknown[]) => {
    exit = `ended with ${String(signal ?? code)}: ${stderr}`;
  });

  const next = async <Type extends FromServer['type']>(type: Type) => {
    const message = new Promise<FromServer>((resolve) =>
      child.once('message', (it) => resolve(it as FromServer)),
    );
    const received = await Promise.race([message, ended]);
    if (received?.type !== type)
      throw new Error(`the server of ${adapter} ${exit ?? 'sent nothing'}`);
    return received as Extract<FromServer, { type: Type }>;
  };

  const { port } = await next('listening');
  return {
    port,
    exit: () => exit,
    async report() {
      const answer = next('report');
      if (child.connected) child.send('report');
      return answer;
    },
    async stop() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
