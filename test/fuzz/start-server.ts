import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

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

/** Starts the server of an adapter in a child process. */
export async function startServer(
  adapter: Adapter,
  fault: Fault | null = null,
): Promise<FuzzedServer> {
  const child = fork(
    fileURLToPath(new URL('server.ts', import.meta.url)),
    [JSON.stringify({ adapter, fault })],
    {
      execArgv: ['--import', 'tsx', '--expose-gc'],
      env: { ...process.env, NODE_OPTIONS: '', NODE_ENV: 'production' },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    },
  );
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
