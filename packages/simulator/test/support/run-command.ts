import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

import { runCommandLine } from '../../src/cli/run-command-line.ts';

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

type CommandProcess = ChildProcessByStdio<null, Readable, Readable>;

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const tsconfig = fileURLToPath(new URL('../../../../tsconfig.json', import.meta.url));

/** Starts `novita-simulator` from source. `env` is added to an environment without a secret. */
export const startCommand = (
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): CommandProcess => {
  const defaults = { NOVITA_WEBHOOK_SECRET: undefined, FORCE_COLOR: undefined };
  return spawn(process.execPath, ['--import', 'tsx', main, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { TSX_TSCONFIG_PATH: tsconfig, ...process.env, ...defaults, ...env },
  });
};

/** Runs `novita-simulator` in this process to its end. */
export const runCommand = async (args: readonly string[]): Promise<CommandResult> => {
  const out: string[] = [];
  const errors: string[] = [];
  let code = 0;
  await runCommandLine(args, {
    print: (line) => void out.push(line),
    printError: (line) => void errors.push(line),
    setExitCode: (value) => {
      code = value;
    },
    colour: (_name, text) => text,
  });
  return { code, stdout: out.join('\n'), stderr: errors.join('\n') };
};

/** Runs `novita-simulator` as a process to its end. */
export const runProcess = async (
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<CommandResult> => {
  const child = startCommand(args, env);
  const closed = once(child, 'close') as Promise<[number | null]>;
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [code] = await closed;
  return { code, stdout, stderr };
};
