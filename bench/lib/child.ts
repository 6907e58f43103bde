import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { inspect } from 'node:util';

import { beforeExit } from './clean-up.ts';

/** A child process that answers one question after the other. */
export interface Child<Question, Answer> {
  /** Rejects when the child ends instead of answering. */
  ask(question: Question): Promise<Answer>;
  end(): Promise<void>;
}

export interface StartOptions {
  readonly bundle: string;
  readonly env?: Readonly<Record<string, string>> | undefined;
}

/** What a child sends back. */
type Reply<Answer> = { readonly answer: Answer } | { readonly error: string };

export function startChild<Question extends object, Answer>(
  options: StartOptions,
): Child<Question, Answer> {
  const child = fork(options.bundle, [], {
    env: { ...process.env, ...options.env },
    execArgv: (process.env['BENCH_NODE_ARGS'] ?? '').split(' ').filter((arg) => arg !== ''),
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const kill = beforeExit(() => void child.kill('SIGKILL'));
  return {
    ask: (question) => ask<Answer>(child, question),
    async end() {
      child.disconnect(); // it ends with its parent
      if (child.exitCode === null) await once(child, 'exit');
      kill();
    },
  };
}

function ask<Answer>(child: ChildProcess, question: object): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const onMessage = (reply: Reply<Answer>) => {
      child.off('exit', onExit);
      if ('error' in reply) reject(new Error(reply.error));
      else resolve(reply.answer);
    };
    const onExit = (code: number | null, signal: string | null) => {
      child.off('message', onMessage);
      reject(new Error(`a child ended with ${code ?? signal ?? 'nothing'} instead of answering`));
    };
    child.once('message', onMessage);
    child.once('exit', onExit);
    child.send(question);
  });
}

/** In the child: answers what the parent asks, and ends with the parent. */
export function answerParent(answer: (question: never) => Promise<unknown>): void {
  process.on('message', (question) => {
    answer(question as never).then(
      (answer) => send({ answer }),
      (error: unknown) => send({ error: inspect(error) }),
    );
  });
  process.once('disconnect', () => process.exit());
}

function send(reply: Reply<unknown>): void {
  process.send?.(reply);
}
