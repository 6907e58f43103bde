import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';

import { createTerminal, type Terminal } from '@novita-webhooks/simulator/cli';

/** Where a command prints, and what it may ask. */
export interface Console extends Terminal {
  /** Whether a person reads stdout. If not, or in CI, lines are plain and complete. */
  readonly isTerminal: boolean;
  /** Whether a person can answer questions. */
  readonly canAsk: boolean;
  /** Width of the terminal in characters. */
  readonly columns: () => number;
  /** Writes to stdout, and waits while its reader is slower. */
  readonly write: (text: string) => Promise<void>;
  /** Asks a question that is answered with y or n. Anything but y or yes is a no. */
  readonly confirm: (question: string, signal: AbortSignal) => Promise<boolean>;
  /**
   * Shows the state of long work on stderr: one line that changes on a terminal, elsewhere a line every
   * few seconds. `undefined` removes it.
   */
  readonly progress: (text: string | undefined) => void;
}

const PLAIN_PROGRESS_INTERVAL_MS = 5000;
const DEFAULT_COLUMNS = 80;

/** On a terminal: one line that is written over. */
const createLiveProgress = (stream: NodeJS.WriteStream): Console['progress'] => {
  let isShown = false;
  return (text) => {
    if (text === undefined && !isShown) return;
    const line = text?.slice(0, (stream.columns || DEFAULT_COLUMNS) - 1) ?? '';
    stream.write(`\r\u001b[K${line}`);
    isShown = text !== undefined;
  };
};

const createPlainProgress = (stream: NodeJS.WritableStream): Console['progress'] => {
  let printedAt = performance.now();
  return (text) => {
    const now = performance.now();
    if (text === undefined || now - printedAt < PLAIN_PROGRESS_INTERVAL_MS) return;
    stream.write(`${text}\n`);
    printedAt = now;
  };
};

const confirm = async (question: string, signal: AbortSignal): Promise<boolean> => {
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  const aborter = new AbortController();
  const stop = (): void => aborter.abort();
  prompt.once('SIGINT', () => process.kill(process.pid, 'SIGINT')); // in raw mode Ctrl-C is a key
  prompt.once('close', stop); // Ctrl-D
  signal.addEventListener('abort', stop);
  try {
    const answer = await prompt.question(`${question} [y/N] `, { signal: aborter.signal });
    return /^y(es)?$/i.test(answer.trim());
  } catch {
    process.stderr.write('\n');
    return false;
  } finally {
    prompt.removeListener('close', stop);
    prompt.close();
  }
};

/** Creates the console of this process. */
export const createConsole = (): Console => {
  const { stdin, stdout, stderr, env } = process;
  const isCi = Boolean(env['CI']) && env['CI'] !== 'false';
  const isPerson = (stream: { readonly isTTY?: boolean }): boolean =>
    stream.isTTY === true && !isCi && env['TERM'] !== 'dumb';
  const progress = isPerson(stderr) ? createLiveProgress(stderr) : createPlainProgress(stderr);
  const terminal = createTerminal();
  const afterProgress =
    (print: (line: string) => void) =>
    (line: string): void => {
      if (isPerson(stderr)) progress(undefined);
      print(line);
    };
  return {
    ...terminal,
    print: afterProgress(terminal.print),
    printError: afterProgress(terminal.printError),
    isTerminal: isPerson(stdout),
    canAsk: isPerson(stdin) && isPerson(stderr),
    columns: () => stdout.columns || DEFAULT_COLUMNS,
    write: async (text) => {
      if (!stdout.write(text)) await once(stdout, 'drain');
    },
    confirm,
    progress,
  };
};
