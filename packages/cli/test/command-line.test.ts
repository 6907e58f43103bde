import { execFile, spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, inject, onTestFinished, test } from 'vitest';

import { freePort } from '../../../test/support/program.ts';
import { read } from '../../../test/support/workspace.ts';
import { temporaryFolder } from './support/run.ts';

/** The lines of the blocks of docs/command-line.md that run the command. */
const lines = [...read('docs/command-line.md').matchAll(/^```sh\n(.*?)^```$/gms)]
  .flatMap(([, block = '']) => block.split('\n'))
  .filter((line) => line.startsWith('npx '));

/** A program `npx` that runs the command of these sources. */
async function fakeNpx(folder: string): Promise<string> {
  const file = join(folder, 'npx');
  const script = `#!/bin/sh\nshift\nexec "${process.execPath}" "${inject('commandFile')}" "$@"\n`;
  await writeFile(file, script);
  await chmod(file, 0o755);
  return `${folder}${delimiter}${process.env['PATH'] ?? ''}`;
}

/** What `serve` and `simulate` print when they listen, the latter also with `--json`. */
const READY = /Ctrl-C ends it|"type":"listening"/;

async function printed(server: ChildProcessWithoutNullStreams, pattern: RegExp): Promise<void> {
  let output = '';
  for (const stream of [server.stdout, server.stderr]) {
    stream.on('data', (text: Buffer) => (output += text.toString()));
  }
  await expect.poll(() => output).toMatch(pattern);
}

test.skipIf(process.platform === 'win32')(
  'docs/command-line.md: each example works',
  { timeout: 240_000 },
  async () => {
    const cwd = await temporaryFolder();
    const port = await freePort();
    const env = {
      ...process.env,
      PATH: await fakeNpx(cwd),
      NOVITA_WEBHOOK_SECRET: 'a secret of these tests, long enough to sign',
      NOVITA_INBOX: undefined as string | undefined,
    };
    const toLocal = (line: string) =>
      line
        .replace(':3000', `:${port}`)
        .replace(' serve', ` serve --port ${port}`)
        .replace(' simulate', ' simulate --port 0');
    expect(lines.length).toBeGreaterThan(14);
    await writeFile(join(cwd, 'scenario.json'), '{ "faults": { "drop": 0.1 } }');
    let stop = async (): Promise<void> => undefined; // the next `serve` takes the port
    for (const line of lines) {
      if (line.includes('inbox groups')) env.NOVITA_INBOX = 'sqlite:webhooks.db'; // the guide exports it
      if (/ (serve|simulate)\b/.test(line)) {
        if (line.includes(' serve')) await stop();
        const server = spawn('sh', ['-c', `exec ${toLocal(line)}`], { cwd, env });
        onTestFinished(() => void server.kill('SIGKILL'));
        if (line.includes(' serve')) {
          stop = async () => {
            server.kill('SIGTERM');
            await once(server, 'exit');
          };
        }
        await printed(server, READY);
        continue;
      }
      const { stdout } = await promisify(execFile)('sh', ['-c', toLocal(line)], { cwd, env });
      if (line.includes('inbox show')) expect(stdout).toContain('{"orderId":42}');
    }
    expect(await readFile(join(cwd, 'entries.ndjson'), 'utf8')).toContain('"taskId":"my-task"');
  },
);
