import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { TIMED_OUT, withTimeout } from './timeout.ts';
import { root } from './workspace.ts';

/** A TypeScript program of this repository in a child process. */
export interface Program {
  /** The lines on stdout and stderr so far. */
  readonly lines: readonly string[];
  /** Resolves to the first line that matches. Rejects if the program ends before, or after 50 s. */
  line(pattern: RegExp): Promise<string>;
  write(line: string): void;
  /** Sends SIGTERM and waits for the exit. */
  terminate(): Promise<number | null>;
  /** Sends SIGKILL. */
  kill(): void;
}

export interface ProgramOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly onLine?: (line: string) => void;
}

const TIMEOUT_MS = 50_000;

/**
 * Runs a program as `tsx` would.
 *
 * @param folder relative to the root
 * @param file relative to the folder
 */
export function runProgram(
  folder: string,
  file: string,
  { env = {}, onLine = () => undefined }: ProgramOptions = {},
): Program {
  // Not the tsx command: it starts a child process, which would survive a SIGKILL.
  const child = spawn(process.execPath, ['--import', 'tsx', file], {
    cwd: join(root, folder),
    env: { ...process.env, FORCE_COLOR: undefined, ...env },
  });
  const lines: string[] = [];
  const listeners = new Set<() => void>();
  const ended = once(child, 'close') as Promise<[number | null]>;

  const read = (line: string) => {
    lines.push(line);
    onLine(line);
    for (const listener of listeners) listener();
  };
  createInterface({ input: child.stdout }).on('line', read);
  createInterface({ input: child.stderr }).on('line', read);

  return {
    lines,
    write: (line) => void child.stdin.write(`${line}\n`),
    kill: () => void child.kill('SIGKILL'),
    async line(pattern) {
      const exited = ended.then(([code]) => `exited with ${code}`);
      const printed = new Promise<void>((resolve) => {
        const check = () => lines.some((line) => pattern.test(line)) && resolve();
        listeners.add(check);
        check();
      });
      const outcome = await withTimeout(TIMEOUT_MS, Promise.race([printed, exited]));
      const found = lines.find((line) => pattern.test(line));
      if (found !== undefined) return found;
      const problem = outcome === TIMED_OUT ? `timed out after ${TIMEOUT_MS} ms` : outcome;
      throw new Error(
        `${folder}: ${problem ?? ''}; no line matched ${pattern.source}:\n${lines.join('\n')}`,
      );
    },
    async terminate() {
      child.kill('SIGTERM');
      const [code] = await ended;
      return code;
    },
  };
}

/** Resolves to a port on which no process listens now. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 20_000);
    const server = createServer().listen(port, '127.0.0.1');
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    server.close();
    if (isFree) return port;
  }
}
