import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { root } from './workspace.ts';

/** A TypeScript program of this repository, running in a process of its own. */
export interface Program {
  /** What it has printed so far, on stdout and stderr. */
  readonly lines: readonly string[];
  /** The first line that matches, as soon as it was printed. Rejects if the program ends before. */
  line(pattern: RegExp): Promise<string>;
  write(line: string): void;
  /** Asks it to stop, and waits until it has. */
  terminate(): Promise<{ readonly code: number | null; readonly ms: number }>;
  /** Makes sure that it is gone. */
  kill(): void;
}

export interface ProgramOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly onLine?: (line: string) => void;
}

const PATIENCE_MS = 20_000;

/** @param folder from the root, @param file from the folder: as `tsx` there would run it */
export function runProgram(
  folder: string,
  file: string,
  { env = {}, onLine = () => undefined }: ProgramOptions = {},
): Program {
  // Not the tsx command: that one starts a second process, which a SIGKILL would leave behind.
  const child = spawn(process.execPath, ['--import', 'tsx', file], {
    cwd: join(root, folder),
    env: { ...process.env, FORCE_COLOR: undefined, ...env },
  });
  const lines: string[] = [];
  const looks = new Set<() => void>();
  const ended = once(child, 'close') as Promise<[number | null]>;

  const read = (line: string) => {
    lines.push(line);
    onLine(line);
    for (const look of looks) look();
  };
  createInterface({ input: child.stdout }).on('line', read);
  createInterface({ input: child.stderr }).on('line', read);

  return {
    lines,
    write: (line) => void child.stdin.write(`${line}\n`),
    kill: () => void child.kill('SIGKILL'),
    async line(pattern) {
      const signal = AbortSignal.timeout(PATIENCE_MS);
      const late = once(signal, 'abort').then(() => 'is late');
      const over = ended.then(([code]) => `ended with ${code}`);
      const seen = new Promise<void>((resolve) => {
        const look = () => lines.some((line) => pattern.test(line)) && resolve();
        looks.add(look);
        look();
      });
      const problem = await Promise.race([seen, over, late]);
      const found = lines.find((line) => pattern.test(line));
      if (found !== undefined) return found;
      throw new Error(`${folder} ${problem ?? ''} without ${pattern.source}:\n${lines.join('\n')}`);
    },
    async terminate() {
      const start = performance.now();
      child.kill('SIGTERM');
      const [code] = await ended;
      return { code, ms: performance.now() - start };
    },
  };
}

/** One that nobody listens on, just now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
