import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

import { now, type WriteRecord } from './history.ts';
import type { Requests, ResponseMessage, ServerOptions } from './protocol.ts';

/** `closed`: it ended because of a close request. `crashed`: it ended by itself, which is a defect. */
type ExitKind = 'killed' | 'closed' | 'crashed';

/** A server process, as the test process sees it. */
export interface ServerProcess {
  readonly name: string;
  /** The port on which it listens; `null` if it ended before. */
  readonly port: Promise<number | null>;
  readonly ended: Promise<ExitKind>;
  isAlive(): boolean;
  /** Rejects if the process ends before it responds. */
  request<Name extends keyof Requests>(
    name: Name,
    ...args: Parameters<Requests[Name]>
  ): Promise<ReturnType<Requests[Name]>>;
  kill(): Promise<void>;
  /** Sends SIGCONT to a frozen process. */
  thaw(): void;
  /** The end of what it wrote to stderr. */
  stderr(): string;
}

const alive = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});

/** @param write records kills and thaws */
export function startServer(
  program: string,
  options: ServerOptions,
  write: WriteRecord,
): ServerProcess {
  const child = fork(program, [JSON.stringify(options)], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    execArgv: [],
    env: { ...process.env, NODE_OPTIONS: '' }, // without the parent's loader and flags
  });
  alive.add(child);
  const pending = new Map<number, (response: ResponseMessage) => void>();
  const responseTo = (id: number) =>
    new Promise<ResponseMessage>((resolve) => pending.set(id, resolve));
  const ended = waitForExit(child, pending);
  const started = responseTo(0);
  let printed = '';
  let requests = 0;
  child.stderr?.on(
    'data',
    (chunk: Buffer) => (printed = (printed + chunk.toString()).slice(-4000)),
  );
  child.on('message', (message) => {
    const response = message as ResponseMessage;
    pending.get(response.id)?.(response);
  });
  child.on('error', () => undefined); // a message to a process that has just ended

  return {
    name: options.server,
    port: started.then(({ value }) => (typeof value === 'number' ? value : null)),
    ended,
    isAlive: () => alive.has(child),
    stderr: () => printed,
    async request(name, ...args) {
      requests += 1;
      const id = requests;
      const response = responseTo(id);
      if (alive.has(child)) child.send({ id, name, args });
      else pending.get(id)?.(HAS_ENDED);
      const { value, error } = await response;
      if (error !== undefined) throw new Error(`${options.server}: ${name}: ${error} ${printed}`);
      return value as ReturnType<Requests[typeof name]>;
    },
    async kill() {
      if (!alive.has(child)) return;
      child.kill('SIGKILL');
      write({ type: 'killed', server: options.server, point: 'random', at: now() });
      await ended;
    },
    thaw() {
      write({ type: 'thawed', server: options.server, at: now() });
      child.kill('SIGCONT');
    },
  };
}

const HAS_ENDED: ResponseMessage = { id: -1, error: 'the process has ended' };

async function waitForExit(
  child: ChildProcess,
  pending: ReadonlyMap<number, (response: ResponseMessage) => void>,
): Promise<ExitKind> {
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  alive.delete(child);
  for (const respond of pending.values()) respond(HAS_ENDED);
  if (signal === 'SIGKILL') return 'killed';
  return code === 0 ? 'closed' : 'crashed';
}
