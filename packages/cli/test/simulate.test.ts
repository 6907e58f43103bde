import { chmod, readFile, writeFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';

import {
  startOnTerminal,
  startShell,
  temporaryFolder,
  type TerminalCommand,
} from './support/run.ts';
import { readScreen } from './support/screen.ts';

// cspell:ignore icanon stty
const TOKEN = 'a-token-that-no-screen-shows';

interface Receiver {
  readonly url: string;
  /** Bodies of the requests that arrived completely. */
  readonly bodies: readonly string[];
}

/** A server that answers 200, or what `answer` answers. */
async function startReceiver(
  answer: (response: ServerResponse) => void = (response) => void response.end('{}'),
): Promise<Receiver> {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('error', () => undefined); // the simulator broke the connection
    request.on('end', () => {
      bodies.push(body);
      answer(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => server.close().closeAllConnections());
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/hook?token=${TOKEN}`, bodies };
}

/** `simulate` on a terminal, with its live view. */
interface View extends TerminalCommand {
  readonly url: string;
  /** The rows that the terminal shows. */
  readonly shown: () => string;
  readonly shows: (pattern: RegExp) => Promise<void>;
  readonly submit: (callbackUrl?: string) => Promise<string>;
}

/** Starts the view without colours, so that a pattern matches what a person reads. */
async function startView(args: readonly string[] = [], env = {}): Promise<View> {
  const terminal = startOnTerminal(['simulate', '--port', '0', ...args], {
    env: { NO_COLOR: '1', ...env },
  });
  const shown = (): string => readScreen(terminal.output()).rows.join('\n');
  await expect.poll(shown, { timeout: 30_000 }).toContain('No task yet');
  const url = /http:\/\/127\.0\.0\.1:\d+/.exec(shown())?.[0] ?? '';
  return {
    ...{ ...terminal, url, shown },
    shows: (pattern) => expect.poll(shown).toMatch(pattern),
    submit: async (callbackUrl) => {
      const webhook = callbackUrl === undefined ? {} : { webhook: { url: callbackUrl } };
      const response = await fetch(`${url}/v3/async/kling-v3.0-std-t2v`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ prompt: 'a red kite', extra: webhook }),
      });
      return ((await response.json()) as { task_id: string }).task_id;
    },
  };
}

/** Checks that the shell is visible again, and returns what is below it. */
const readShell = (output: string): string => {
  const { isAlternate, isCursorShown, rows } = readScreen(output);
  expect({ isAlternate, isCursorShown }).toEqual({ isAlternate: false, isCursorShown: true });
  expect(output).toContain('\u001b[?7h');
  return rows.join('\n');
};

describe('the live view of simulate', () => {
  test('shows tasks and deliveries, delivers again, and leaves with q', async () => {
    const receiver = await startReceiver();
    const view = await startView();
    const first = await view.submit(receiver.url);
    const second = await view.submit(receiver.url);
    await view.shows(new RegExp(`▸ ${second.slice(0, 8)}.* acknowledged +1 of 6 +200 `));
    view.type('j');
    await view.shows(new RegExp(`▸ ${first.slice(0, 8)}`));
    view.type('r');
    await view.shows(new RegExp(`${first.slice(0, 8)}: delivered again: 200`));
    const bodies = receiver.bodies.filter((body) => body.includes(first));
    expect(bodies).toHaveLength(2);
    expect(bodies[1]).toBe(bodies[0]);
    view.type('d');
    await view.shows(/sent again, attempt 1 of 6: 200/);
    view.type('q');
    await view.shows(/Deliveries: 3, 3 with a 2xx/);
    view.type('q');
    expect(await view.end).toBe(0);
    expect(readShell(view.output())).toMatch(/Report .*deliveries: 3 \(200: 3\)/s);
    expect(view.output()).not.toContain(TOKEN);
  });

  test('b breaks the next delivery and no other', async () => {
    const receiver = await startReceiver();
    const view = await startView(['--retry-delay-ms', '1']);
    view.type('b');
    await view.shows(/1 reset +the connection breaks/);
    view.type('1');
    await view.shows(/Faults: next delivery: reset/);
    await view.submit(receiver.url);
    await view.shows(/acknowledged +2 of 6 +200/);
    await view.shows(/Faults: none/);
    view.type('d');
    await view.shows(/attempt 1 of 6: no connection: .*fault reset/);
    expect(receiver.bodies).toHaveLength(1);
  });

  test('shows rejected requests and warnings below the list', async () => {
    const folder = await temporaryFolder();
    const script = join(folder, 'warn.cjs');
    await writeFile(script, "setTimeout(() => process.emitWarning('from a library'), 3000);");
    const view = await startView([], { NODE_OPTIONS: `--require ${script}` });
    await fetch(`${view.url}/v3/async/txt2img`, { method: 'POST', body: '[' });
    await view.shows(/POST \/v3\/async\/txt2img: 4\d\d /);
    await view.shows(/Z Warning: from a library/);
    expect(view.output()).not.toContain('(node:'); // as Node prints them
  });

  test('follows the size of the terminal', async () => {
    const receiver = await startReceiver();
    const view = await startView();
    const id = await view.submit(receiver.url);
    view.resize(40, 10);
    await view.shows(/^1 tasks?, 1 deliver/m);
    const { rows } = readScreen(view.output());
    expect(rows).toHaveLength(10);
    expect(Math.max(...rows.map(({ length }) => length))).toBeLessThanOrEqual(40);
    view.resize(160, 50);
    await view.shows(new RegExp(`▸ ${id} `)); // the whole id
    expect(readScreen(view.output()).rows).toHaveLength(50);
  });

  test('fills the terminal up to its last column', async () => {
    const view = await startView();
    const { rows } = readScreen(view.output(), 100);
    expect(rows).toContain('─'.repeat(100));
  });

  test.each([
    ['Ctrl-C', (view: View) => view.type('\u0003')],
    ['SIGTERM', (view: View) => view.kill('SIGTERM')],
    ['SIGINT', (view: View) => view.kill('SIGINT')],
  ])('%s restores the terminal while a delivery runs', async (_name, leave) => {
    const receiver = await startReceiver(() => undefined); // never answers
    const view = await startView();
    await view.submit(receiver.url);
    await view.shows(/Events: 1 delivering/);
    leave(view);
    expect(await view.end).toBe(0);
    expect(readShell(view.output())).toMatch(/Report .*tasks: +1 /s);
  });

  test.skipIf(process.platform === 'win32')('Ctrl-Z gives the shell its terminal', async () => {
    const shell = startShell({ NO_COLOR: '1' });
    const shows = (text: string) =>
      expect.poll(() => readScreen(shell.output()).rows.join('\n')).toContain(text);
    shell.type('$COMMAND simulate --port 0\r');
    for (const turn of [1, 2]) {
      await shows('No task yet');
      shell.type('\u001a');
      await expect.poll(() => shell.output().split('Stopped')).toHaveLength(turn + 1);
      expect(readShell(shell.output())).not.toContain('No task yet');
      shell.type(`stty -a; echo turn"-${turn}"; fg\r`);
      await shell.printed(new RegExp(` icanon [^]* echo [^]*turn-${turn}`));
    }
    await shows('No task yet');
    shell.type('q');
    await shows('Report');
    shell.type('exit\r');
    expect(await shell.end).toBe(0);
  });

  test('Ctrl-Z draws the view again where no shell could continue it', async () => {
    const view = await startView();
    view.type('\u001a');
    await expect.poll(() => view.output().split('\u001b[?1049h')).toHaveLength(3);
    await view.shows(/No task yet/);
    view.type('q');
    expect(await view.end).toBe(0);
  });

  test('an error that nothing catches is printed on the restored terminal', async () => {
    const script = join(await temporaryFolder(), 'throw.cjs');
    await writeFile(script, "process.on('SIGUSR2', () => { throw new Error('from a library'); });");
    const view = await startView([], { NODE_OPTIONS: `--require ${script}` });
    view.kill('SIGUSR2');
    expect(await view.end).toBe(1);
    expect(readShell(view.output())).toContain('Error: from a library');
  });
});

describe.runIf(process.platform === 'linux')('o', () => {
  test('opens the first result in the browser', async () => {
    const folder = await temporaryFolder();
    const program = join(folder, 'xdg-open');
    await writeFile(program, `#!/bin/sh\necho "$@" > ${folder}/opened\n`);
    await chmod(program, 0o755);
    const view = await startView([], { PATH: folder });
    const id = await view.submit();
    await view.shows(/succeeded/);
    view.type('o');
    await view.shows(/opened in the browser/);
    const opened = (await readFile(join(folder, 'opened'), 'utf8')).trim();
    expect(opened.startsWith(`${view.url}/files/${id}/0.`)).toBe(true);
    expect((await fetch(opened)).status).toBe(200);
  });

  test('says where the link is if no program opens it', async () => {
    const view = await startView([], { PATH: await temporaryFolder() });
    const id = await view.submit();
    await view.shows(/succeeded/);
    view.type('o');
    await view.shows(/no browser opened: spawn xdg-open ENOENT. The details have the link/);
    view.type('d');
    await view.shows(new RegExp(`${view.url}/files/${id}`));
  });
});

describe('lines instead of the view', () => {
  test.each<[string, string[], Record<string, string>]>([
    ['with --plain', ['--plain'], {}],
    ['with --json', ['--json'], {}],
    ['in CI', [], { CI: 'true' }],
    ['on a terminal that can show none', [], { TERM: 'dumb' }],
  ])('%s', async (_name, args, env) => {
    const command = startOnTerminal(['simulate', '--port', '0', ...args], { env });
    await command.printed(/Ctrl-C ends it\.|"type":"listening"/);
    expect(command.output()).not.toContain('\u001b[?1049h');
    command.type('\u0003');
    expect(await command.end).toBe(0);
  });
});

test('colours are shown, and not if NO_COLOR is set', async () => {
  const [bold, inverse] = ['\u001b[1m', '\u001b[7m'];
  const coloured = startOnTerminal(['simulate', '--port', '0']);
  await coloured.printed(/No task yet/);
  expect(coloured.output()).toContain(`${bold}Novita simulator`);
  const plain = await startView();
  plain.type('b');
  await plain.shows(/▸ 1 reset/);
  expect(plain.output()).not.toContain(bold);
  expect(plain.output()).not.toContain(inverse);
});
