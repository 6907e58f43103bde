import type { TcpProxy } from '../support/tcp-proxy.ts';
import { TIMED_OUT, withTimeout } from '../support/timeout.ts';
import type { WriteRecord } from './history.ts';
import type { ServerOptions } from './protocol.ts';
import { startServer, type ServerProcess } from './start-server.ts';

/** The server processes of one series. The proxy passes connections to those that listen. */
export interface ServerPool {
  /** Resolves when the process listens or has ended. */
  start(options: Partial<ServerOptions>): Promise<ServerProcess>;
  alive(): readonly ServerProcess[];
  /** A line for each process that crashed or did not respond in time, with its stderr. */
  readonly failures: readonly string[];
  /** Requests a process to close, and kills it if it does not. */
  close(server: ServerProcess): Promise<void>;
  killAll(): Promise<void>;
}

const TIMEOUT_MS = 60_000; // machines may be busy
/** After this many failures the series is stopped with an error. */
const MAX_FAILURES = 5;

export function createServerPool(
  program: string,
  common: ServerOptions,
  proxy: TcpProxy,
  write: WriteRecord,
): ServerPool {
  const ports = new Map<ServerProcess, number>();
  const servers = new Set<ServerProcess>();
  const failures: string[] = [];
  let started = 0;

  function updateTargets(): void {
    proxy.setTargets(...ports.values());
  }

  async function removeWhenEnded(server: ServerProcess): Promise<void> {
    const exit = await server.ended;
    ports.delete(server);
    servers.delete(server);
    updateTargets();
    if (exit === 'crashed') failures.push(`${server.name} crashed: ${server.stderr()}`);
  }

  async function killIfLate(step: string, server: ServerProcess, work: Promise<unknown>) {
    if ((await withTimeout(TIMEOUT_MS, work)) !== TIMED_OUT) return;
    failures.push(`${server.name} did not ${step} within ${TIMEOUT_MS} ms: ${server.stderr()}`);
    await server.kill();
  }

  return {
    failures,
    alive: () => [...servers],
    async start(options) {
      started += 1;
      const name = `${common.server}${started}`;
      const server = startServer(program, { ...common, ...options, server: name }, write);
      servers.add(server);
      void removeWhenEnded(server);
      await killIfLate('listen', server, server.port);
      const port = await server.port;
      if (port !== null && server.isAlive()) ports.set(server, port);
      updateTargets();
      if (failures.length >= MAX_FAILURES) throw new Error(failures.join('\n'));
      return server;
    },
    async close(server) {
      ports.delete(server);
      updateTargets();
      const closed = server.request('close').catch(() => null); // a kill may come first
      await killIfLate('close', server, Promise.all([closed, server.ended]));
    },
    async killAll() {
      await Promise.all([...servers].map((server) => server.kill()));
    },
  };
}
