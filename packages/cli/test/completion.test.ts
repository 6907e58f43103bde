import { spawn } from '@lydell/node-pty';
import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';

import { run, temporaryFolder } from './support/run.ts';

interface Shell {
  readonly name: string;
  readonly args: readonly string[];
  /** What is typed before the script is loaded. */
  readonly setUp: string;
}

const bash: Shell = { name: 'bash', args: ['--norc', '--noprofile', '-i'], setUp: '' };
const shells: readonly Shell[] = [
  bash,
  { name: 'zsh', args: ['-f', '-i'], setUp: 'autoload -U compinit && compinit -u -D; ' },
  { name: 'fish', args: ['--no-config', '-i'], setUp: '' },
];

const isInstalled = ({ name }: Shell): boolean => spawnSync(name, ['--version']).status === 0;

/** Starts a shell on a pseudo-terminal that has loaded its script. */
async function startShell({ name, args, setUp }: Shell) {
  const cwd = await temporaryFolder();
  const { stdout, code } = await run(['completion', name]);
  expect(code).toBe(0);
  await writeFile(join(cwd, 'script'), stdout);
  await writeFile(join(cwd, 'webhooks.db'), '');
  const env = { PATH: process.env['PATH'] ?? '', HOME: cwd, TERM: 'xterm' };
  const terminal = spawn(name, [...args], { cwd, env, cols: 200, rows: 50 });
  onTestFinished(() => terminal.kill('SIGKILL'));
  let output = '';
  terminal.onData((text) => (output += text));
  terminal.write(`${setUp}. ./script; echo load"ed"\r`);
  await expect.poll(() => output).toContain('loaded');
  return {
    /** Types a line that ends with TAB, and waits for what the shell makes of it. */
    async completes(line: string, expected: RegExp) {
      output = '';
      terminal.write(line);
      await expect.poll(() => stripVTControlCharacters(output)).toMatch(expected);
      terminal.write('\u0015'); // clears the line; Ctrl-C would discard what is typed next
    },
  };
}

describe.each(shells)('completion of $name', (shell) => {
  test.runIf(isInstalled(shell))('completes commands, options, values and files', async () => {
    const { completes } = await startShell(shell);
    await completes('novita-webhooks inb\t', /novita-webhooks inbox /);
    await completes('novita-webhooks inbox disc\t', /inbox discard /);
    await completes('novita-webhooks inbox sqlite:webhooks.db sta\t', /webhooks\.db stats /);
    await completes('novita-webhooks inbox list --reason-c\t', /--reason-contains/);
    await completes('novita-webhooks inbox list --json --order old\t', /--order oldest /);
    await completes(
      'novita-webhooks inbox export --order newest webhooks.d\t',
      /newest webhooks\.db /,
    );
    await completes('novita-webhooks serve --framework ex\t', /--framework express /);
    await completes('novita-webhooks completion fi\t', /completion fish /);
  });
});

describe('completion of bash', () => {
  test.runIf(isInstalled(bash))('completes after = and :, and lists what is possible', async () => {
    const { completes } = await startShell(bash);
    await completes('novita-webhooks inbox list --order=ne\t', /--order=newest /);
    await completes(
      'novita-webhooks inbox stats --inbox sqlite:webhooks.d\t',
      /sqlite:webhooks\.db /,
    );
    await completes('novita-webhooks inbox \t\t', /discard.*export.*import.*stats/s);
  });
});

test('another shell is a wrong command line', async () => {
  const { code, stderr } = await run(['completion', 'csh']);
  expect([code, stderr]).toEqual([2, expect.stringContaining('bash, zsh, fish')]);
});
