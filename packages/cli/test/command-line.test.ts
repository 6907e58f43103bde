import { execFile, spawn } from 'node:child_process';
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
      line.replace(':3000', `:${port}`).replace(' serve', ` serve --port ${port}`);
    expect(lines.length).toBeGreaterThan(14);
    for (const line of lines) {
      if (line.includes('inbox groups')) env.NOVITA_INBOX = 'sqlite:webhooks.db'; // the guide exports it
      if (line.includes(' serve')) {
        const server = spawn('sh', ['-c', `exec ${toLocal(line)}`], { cwd, env });
        onTestFinished(() => void server.kill('SIGKILL'));
        let printed = '';
        server.stderr.on('data', (text: Buffer) => (printed += text.toString()));
        await expect.poll(() => printed).toContain('Ctrl-C ends it');
        continue;
      }
      const { stdout } = await promisify(execFile)('sh', ['-c', toLocal(line)], { cwd, env });
      if (line.includes('inbox show')) expect(stdout).toContain('{"orderId":42}');
    }
    expect(await readFile(join(cwd, 'entries.ndjson'), 'utf8')).toContain('"taskId":"my-task"');
  },
);
