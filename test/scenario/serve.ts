// The command novita-webhooks as a process, from source.
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../packages/cli/src/main.ts', import.meta.url));
const tsconfig = fileURLToPath(new URL('../../tsconfig.json', import.meta.url));

type Command = ChildProcessByStdio<null, Readable, Readable>;

const startCommand = (args: readonly string[], env: NodeJS.ProcessEnv): Command =>
  spawn(process.execPath, ['--import', 'tsx', main, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { TSX_TSCONFIG_PATH: tsconfig, ...process.env, ...env },
  });

/** Settings of `serve`. */
export interface ServeSettings {
  /** Address of the inbox. The environment carries it, because it can hold a password. */
  readonly inbox: string;
  readonly port: number;
  readonly secret: string;
  /** File to which `serve` appends a line for each handled event. */
  readonly out: string;
}

/** A running `serve`. */
export interface Serve {
  readonly stop: () => Promise<void>;
}

/** Starts `serve` and waits until it is ready. */
export const startServe = async (settings: ServeSettings): Promise<Serve> => {
  const { inbox, port, secret, out } = settings;
  const env = { NOVITA_INBOX: inbox, NOVITA_WEBHOOK_SECRET: secret };
  const command = startCommand(['serve', '--json', '--port', String(port), '--out', out], env);
  const closed = once(command, 'close') as Promise<[number | null]>;
  command.stdout.resume();
  let log = '';
  await new Promise<void>((resolve, reject) => {
    command.stderr.setEncoding('utf8').on('data', (part: string) => {
      log += part;
      if (log.includes('Ctrl-C ends it.')) resolve();
    });
    void closed.then(() => reject(new Error(`serve ended: ${log}`)), reject);
  });
  return {
    stop: async () => {
      command.kill('SIGTERM');
      const [code] = await closed;
      if (code !== 0) throw new Error(`serve ended with ${code}: ${log}`);
    },
  };
};

/** An entry as `inbox export` writes it. */
export interface ExportedEntry {
  readonly taskId: string;
  readonly state: string;
  readonly status: string;
}

/** Reads all entries with the command `inbox export`. */
export const exportEntries = async (inbox: string): Promise<ExportedEntry[]> => {
  const command = startCommand(['inbox', 'export'], { NOVITA_INBOX: inbox });
  const closed = once(command, 'close') as Promise<[number | null]>;
  const [lines, errors] = await Promise.all([text(command.stdout), text(command.stderr)]);
  const [code] = await closed;
  if (code !== 0) throw new Error(`inbox export ended with ${code}: ${errors}`);
  return lines
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as ExportedEntry);
};
