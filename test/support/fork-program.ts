import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Starts a TypeScript program of this repository as a child process with an IPC channel. */
export function forkProgram(url: URL, args: readonly string[]): ChildProcess {
  return fork(fileURLToPath(url), args, {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
}
