import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { spawn as spawnOnTerminal } from '@lydell/node-pty';
import { expect, inject, onTestFinished } from 'vitest';

/** What a command printed, and how it ended. */
export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Written to stdin, which is closed then. `null`: it stays open for `write`. */
  readonly stdin?: string | null;
  /** Default: the command. */
  readonly file?: string;
  /** Of the terminal; default: 100. */
  readonly columns?: number;
}

/** A command that is running. */
export interface RunningCommand {
  /** What it has printed so far, on stdout and on stderr. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly write: (text: string) => void;
  readonly kill: (signal: NodeJS.Signals) => void;
  readonly closeStdout: () => void;
  /** Waits until stdout or stderr matches. */
  readonly printed: (pattern: RegExp) => Promise<void>;
  readonly end: Promise<CommandResult>;
}

/** A process may take long to start on a busy machine. */
const POLL = { timeout: 50_000 };

/** Without the settings of the machine that runs the tests. */
const CLEAN_ENV = {
  NOVITA_INBOX: undefined,
  NOVITA_WEBHOOK_SECRET: undefined,
  FORCE_COLOR: undefined,
  NO_COLOR: undefined,
  CI: undefined,
  npm_command: undefined,
};

/** Starts the command as a process, and ends it after the test. */
export function start(args: readonly string[], options: RunOptions = {}): RunningCommand {
  const { cwd, env, stdin = '', file = inject('commandFile') } = options;
  const child = spawn(process.execPath, [file, ...args], {
    cwd,
    env: { ...process.env, ...CLEAN_ENV, ...env },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.on('error', () => undefined); // it did not read all
  if (stdin !== null) child.stdin.end(stdin);
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  return {
    stdout: () => stdout,
    stderr: () => stderr,
    write: (text) => void child.stdin.write(text),
    kill: (signal) => void child.kill(signal),
    closeStdout: () => void child.stdout.destroy(),
    printed: (pattern) => expect.poll(() => stdout + stderr, POLL).toMatch(pattern),
    end: closed.then(([code]) => ({ code, stdout, stderr })),
  };
}

/** Runs the command as a process to its end. */
export const run = (args: readonly string[], options?: RunOptions): Promise<CommandResult> =>
  start(args, options).end;

/** A command on a pseudo-terminal: stdout and stderr are one. */
export interface TerminalCommand {
  readonly output: () => string;
  /** Sends keys: `'y\r'`, `'\u0003'` for Ctrl-C. */
  readonly type: (keys: string) => void;
  readonly resize: (columns: number, rows: number) => void;
  readonly kill: (signal: NodeJS.Signals) => void;
  readonly printed: (pattern: RegExp) => Promise<void>;
  readonly end: Promise<number>;
}

function startProgram(
  file: string,
  args: readonly string[],
  { cwd = process.cwd(), env = {}, columns = 100 }: RunOptions,
): TerminalCommand {
  const all = { ...process.env, ...CLEAN_ENV, TERM: 'xterm-256color', ...env };
  const defined = Object.entries(all).filter(
    (pair): pair is [string, string] => pair[1] !== undefined,
  );
  const terminal = spawnOnTerminal(file, [...args], {
    ...{ cwd, cols: columns, rows: 30, env: Object.fromEntries(defined) },
  });
  let output = '';
  let hasEnded = false;
  terminal.onData((text) => (output += text));
  const end = new Promise<number>((resolve) =>
    terminal.onExit(({ exitCode }) => {
      hasEnded = true;
      resolve(exitCode);
    }),
  );
  onTestFinished(() => {
    if (!hasEnded) terminal.kill('SIGKILL');
  });
  return {
    output: () => output,
    type: (keys) => terminal.write(keys),
    resize: (columns, rows) => terminal.resize(columns, rows),
    kill: (signal) => terminal.kill(signal),
    printed: (pattern) => expect.poll(() => output, POLL).toMatch(pattern),
    end,
  };
}

/** Starts the command on a pseudo-terminal, and ends it after the test. */
export const startOnTerminal = (
  args: readonly string[],
  options: RunOptions = {},
): TerminalCommand => startProgram(process.execPath, [inject('commandFile'), ...args], options);

/** Starts a shell with job control on a pseudo-terminal, in which `$COMMAND` is the command. */
export const startShell = (env: RunOptions['env'] = {}): TerminalCommand =>
  startProgram('bash', ['--norc', '--noprofile', '-i'], {
    env: { ...env, PS1: '> ', COMMAND: `${process.execPath} ${inject('commandFile')}` },
  });

/** Creates a folder that is removed after the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'novita-webhooks-cli-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
