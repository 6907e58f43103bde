import { execFile } from 'node:child_process';
import { Command } from 'commander';
import { promisify, stripVTControlCharacters } from 'node:util';
import { describe, expect, inject, test } from 'vitest';

import { addCommands } from '../src/add-commands.ts';
import { listCommands } from '../src/command-tree.ts';
import type { Console } from '../src/terminal/console.ts';
import { deadEntry, sqliteWith } from './support/entries.ts';
import { run, startOnTerminal, startShell, temporaryFolder } from './support/run.ts';

// What holds for every command.

const program = new Command('novita-webhooks');
addCommands(program, {} as Console);
const commands = listCommands(program).map(({ path, options }) => ({
  args: path === '' ? [] : path.split(' '),
  longOptions: options.map(({ word }) => word),
}));
const env = { NOVITA_WEBHOOK_SECRET: 'a secret of these tests, long enough to sign' };

describe.each(commands)('novita-webhooks $args', ({ args, longOptions }) => {
  test('prints help with examples', async () => {
    const { code, stdout, stderr } = await run([...args, '--help']);
    expect(stdout).toMatch(/^Usage: novita-webhooks/);
    expect(stdout).toMatch(/^ {2}\$ .*novita-webhooks /m);
    expect([code, stderr]).toEqual([0, '']);
  });

  test('suggests the option that was meant', async () => {
    const option = longOptions.at(-1) ?? '';
    const { code, stderr } = await run([...args, `${option}x`]);
    expect([code, stderr]).toEqual([2, expect.stringContaining(`Did you mean`)]);
    expect(stderr).not.toMatch(/\n {4}at /);
  });
});

test('a subcommand without its command is named with it', async () => {
  const { code, stderr } = await run(['list', '--inbox', 'sqlite:x.db']);
  expect(code).toBe(2);
  expect(stderr).toContain("unknown command 'list'\n(Did you mean inbox list?)\n");
});

test.each([['server'], ['inbox', 'lst'], ['inbox', 'sqlite:x.db', 'lst'], ['complete']])(
  '%s %s suggests the command that was meant',
  async (...args) => {
    const { code, stderr } = await run(args);
    expect([code, stderr]).toEqual([2, expect.stringContaining('Did you mean')]);
  },
);

describe.skipIf(process.platform === 'win32')('a closed pipe', () => {
  test.each([
    '--help',
    'inbox list --limit 1000',
    'inbox list --limit 1000 --json',
    'inbox export',
    'inbox groups',
    'completion bash',
  ])('ends `%s` without an error', async (line) => {
    const entries = Array.from({ length: 1000 }, (_, index) =>
      deadEntry(`task-${index}`, { reason: `fault ${'abcdefghij'.charAt(index % 10)}` }),
    );
    const { address } = await sqliteWith(entries);
    const command = `"${process.execPath}" "${inject('commandFile')}" ${line}`;
    const script = `set -o pipefail; ${command} | head -c 1; echo " $?"`;
    const { stdout, stderr } = await promisify(execFile)('bash', ['-c', script], {
      env: { ...process.env, NOVITA_INBOX: address },
    });
    expect(stdout).toMatch(/^. 0\n$/);
    expect(stderr).toBe('');
  });
});

describe('on a terminal', () => {
  test('progress fits the terminal, also after it was made narrower', async () => {
    const entries = Array.from({ length: 20_000 }, (_, index) => deadEntry(`task-${index}`));
    const { address } = await sqliteWith(entries);
    const terminal = startOnTerminal(['inbox', address, 'replay', '--all', '--yes']);
    await terminal.printed(/replayed \d/);
    terminal.resize(20, 30);
    const before = terminal.output().length;
    expect(await terminal.end).toBe(0);
    const later = terminal.output().slice(before).split('\r\u001b[K');
    const lines = later.map((line) => stripVTControlCharacters(line));
    const narrow = lines.filter((line) => line.length === 19 && line.startsWith('replayed'));
    expect(narrow.length).toBeGreaterThan(0);
  });

  test('serve and simulate end with 0 at Ctrl-C', async () => {
    for (const [command, ready] of [
      ['serve', /Ctrl-C ends it/],
      ['simulate', /q leave/],
    ] as const) {
      const terminal = startOnTerminal([command, '--port', '0'], { env });
      await terminal.printed(ready);
      terminal.type('\u0003');
      expect([command, await terminal.end]).toEqual([command, 0]);
    }
  });

  test('trigger is coloured, and asks nothing', async () => {
    const terminal = startOnTerminal(['trigger', 'http://127.0.0.1:1/'], { env });
    expect(await terminal.end).toBe(1);
    expect(terminal.output()).toContain('\u001b[31m');
  });

  test('what is redirected has no colours, also if the other output is a terminal', async () => {
    const shell = startShell(env);
    const trigger = '$COMMAND trigger http://127.0.0.1:1/';
    shell.type(`cd ${await temporaryFolder()}; ${trigger} >out; ${trigger} --remove x 2>err\r`);
    shell.type('cat -v out err; exit\r');
    await shell.end;
    expect(shell.output()).toMatch(/no connection.*no such value/s);
    expect(shell.output()).not.toContain('^[[3');
  });

  test('CI has neither questions nor changing lines', async () => {
    const { address } = await sqliteWith([deadEntry('task-1')]);
    const options = { env: { CI: '1' } };
    const terminal = startOnTerminal(['inbox', address, 'replay', '--all', '--yes'], options);
    expect(await terminal.end).toBe(0);
    expect(terminal.output()).toBe('replayed 1 entry\r\n');
  });
});
