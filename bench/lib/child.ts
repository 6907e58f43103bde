import { fork, type ChildProcess, type ForkOptions } from 'node:child_process';
import { once } from 'node:events';
import { inspect } from 'node:util';

import { beforeExit } from './clean-up.ts';

/** A child process that replies to one request at a time. */
export interface Child<Request, Reply> {
  /** Rejects if the child exits before it replies. */
  request(request: Request): Promise<Reply>;
  end(): Promise<void>;
}

export interface StartOptions {
  readonly bundle: string;
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** The only core that the child may use. Needs `taskset`, which Linux has. */
  readonly core?: number | undefined;
}

/** The IPC message of a child. */
type Message<Reply> = { readonly reply: Reply } | { readonly error: string };

export function startChild<Request extends object, Reply>(
  options: StartOptions,
): Child<Request, Reply> {
  const nodeArgs = (process.env['BENCH_NODE_ARGS'] ?? '').split(' ').filter((arg) => arg !== '');
  const child = fork(options.bundle, [], {
    env: { ...process.env, ...options.env },
    ...toCommand(nodeArgs, options.core),
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const kill = beforeExit(() => void child.kill('SIGKILL'));
  return {
    request: (request) => sendRequest<Reply>(child, request),
    async end() {
      child.disconnect(); // then the child exits
      if (child.exitCode === null) await once(child, 'exit');
      kill();
    },
  };
}

function toCommand(nodeArgs: string[], core: number | undefined): ForkOptions {
  if (core === undefined) return { execArgv: nodeArgs };
  return { execPath: 'taskset', execArgv: ['-c', String(core), process.execPath, ...nodeArgs] };
}

function sendRequest<Reply>(child: ChildProcess, request: object): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: Message<Reply>) => {
      child.off('exit', onExit);
      if ('error' in message) reject(new Error(message.error));
      else resolve(message.reply);
    };
    const onExit = (code: number | null, signal: string | null) => {
      child.off('message', onMessage);
      reject(
        new Error(
          `bench: a child process exited with ${code ?? signal ?? 'nothing'} before it replied`,
        ),
      );
    };
    child.once('message', onMessage);
    child.once('exit', onExit);
    child.send(request);
  });
}

/** In the child: replies to the requests of the parent. The child exits with its parent. */
export function replyToParent(respond: (request: never) => Promise<unknown>): void {
  process.on('message', (request) => {
    respond(request as never).then(
      (reply) => send({ reply }),
      (error: unknown) => send({ error: inspect(error) }),
    );
  });
  process.once('disconnect', () => process.exit());
}

function send(message: Message<unknown>): void {
  process.send?.(message);
}
