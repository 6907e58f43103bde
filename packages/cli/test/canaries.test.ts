import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';

import { API_KEY, PASSWORD, PROMPT, SECRET, SIGNATURE } from '../../../test/support/canaries.ts';
import { freePort } from '../../../test/support/program.ts';
import { run, start, startOnTerminal, temporaryFolder } from './support/run.ts';
import { readScreen } from './support/screen.ts';

const LINK = `https://results.example.com/f.png?X-Amz-Signature=${SIGNATURE}`;

const env = { NOVITA_WEBHOOK_SECRET: SECRET, NOVITA_API_KEY: API_KEY, NO_COLOR: '1' };
/** What no output has, also where it shows events or answers. */
const credentials = { SECRET, API_KEY, PASSWORD, token: 'nwt1.' };
const never = { ...credentials, SIGNATURE, PROMPT };

function expectNone(text: string, canaries: Readonly<Record<string, string>> = never): void {
  for (const [name, canary] of Object.entries(canaries)) {
    const at = text.indexOf(canary);
    expect(at, `${name}: ${text.slice(Math.max(0, at - 300), at + 100)}`).toBe(-1);
  }
}

type Answer = (request: IncomingMessage, body: string, response: ServerResponse) => void;

async function listen(answer: Answer): Promise<string> {
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => answer(request, body, response));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => server.close().closeAllConnections());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Says back all that it got, as a debugging proxy does, and more that no output should have. */
const echo = ({ url, headers }: IncomingMessage, body: string) => {
  const said = { url, headers, body, link: LINK, prompt: PROMPT };
  const text = JSON.stringify(said);
  const message = `no ${url} for ${LINK} at https://u:${PASSWORD}@a.example with ${API_KEY}`;
  return JSON.stringify({ ...said, detail: text, title: text, code: text, reason: url, message });
};

const answerWithError: Answer = (request, body, response) =>
  void response.writeHead(500).end(echo(request, body));

const hostile: Readonly<Record<string, Answer>> = {
  'an error page': answerWithError,
  'a problem': (request, body, response) =>
    response
      .writeHead(401, { 'content-type': 'application/problem+json' })
      .end(echo(request, body)),
  'a redirect': (request, _body, response) =>
    response
      .writeHead(302, {
        location: `https://user:${PASSWORD}@login.example${request.url ?? ''}?to=${encodeURIComponent(LINK)}`,
      })
      .end(),
  'a redirect that is no address': (request, _body, response) =>
    response.writeHead(302, { location: `http://[${PASSWORD}${request.url ?? ''}` }).end(),
  'a success': (request, body, response) => response.writeHead(200).end(echo(request, body)),
};

describe('doctor', () => {
  test.each(Object.entries(hostile))('shows nothing sensitive of %s', async (_name, answer) => {
    const url = `${await listen(answer)}/webhooks/novita`;
    const minted = (await run(['url', url], { env })).stdout.trim();
    expect(minted).toContain('nwt1.');
    const plain = await run(['doctor', url], { env });
    const json = await run(['doctor', url, '--json'], { env });
    const ofMinted = await run(['doctor', minted], { env });
    const asPath = await run(['doctor', minted.replace('?token=', '/')], { env });
    for (const { stdout, stderr } of [plain, json, ofMinted]) expectNone(stdout + stderr);
    expectNone(asPath.stdout + asPath.stderr);
    expect(JSON.parse(json.stdout)).toMatchObject({ checks: expect.any(Array) as unknown });
  });

  test.each(Object.entries(hostile))(
    'shows nothing of what Novita answers: %s',
    async (_name, answer) => {
      const port = await freePort();
      const args = ['doctor', `http://127.0.0.1:${port}/webhooks/novita`, '--listen', String(port)];
      const novita = ['--novita', '--base-url', await listen(answer), '--wait-s', '1'];
      const result = await run([...args, ...novita], { env });
      expect(result.stdout).toMatch(/novita/i);
      expectNone(result.stdout + result.stderr);
    },
  );

  test('shows nothing of a file that is no JSON, nor the password of a database', async () => {
    const folder = await temporaryFolder();
    const file = join(folder, 'body.json');
    await writeFile(file, `{"prompt": "${PROMPT}", ${API_KEY}`);
    const port = await freePort();
    const args = ['doctor', `http://127.0.0.1:${port}/webhooks/novita`, '--listen', String(port)];
    const novita = ['--novita', '--base-url', 'http://127.0.0.1:1'];
    const results = await Promise.all([
      run([...args, ...novita, '--submit-body', file], { env }),
      run([...args.slice(0, 2), ...novita, '--inbox', `postgres://u:${PASSWORD}@127.0.0.1:1/a`], {
        env,
      }),
    ]);
    for (const { stdout, stderr } of results) expectNone(stdout + stderr);
  });
});

describe('serve', () => {
  test('logs nothing sensitive of an event whose forwards fail', async () => {
    const forward = await listen(answerWithError);
    const folder = await temporaryFolder();
    const exec = 'echo "$NOVITA_WEBHOOK_SECRET" > env.log; exit 3';
    const args = ['serve', '--port', '0', '--exec', exec];
    const commands = [
      start(args, { env, cwd: folder }),
      start(['serve', '--port', '0', '--forward', `${forward}/?${SIGNATURE}`], {
        env,
        cwd: folder,
      }),
    ];
    for (const command of commands) {
      await command.printed(/Ctrl-C ends it/);
      const url = /listening on (\S+)/.exec(command.stderr())?.[1] ?? '';
      const event = {
        event_type: 'ASYNC_TASK_RESULT',
        payload: {
          task: { task_id: 'task-1', status: 'TASK_STATUS_FAILED', reason: 'no' },
          extra: {
            webhook: { url: (await run(['url', url], { env })).stdout.trim() },
            prompt: PROMPT,
          },
          images: [{ image_url: LINK }],
        },
      };
      const minted = (await run(['url', url], { env })).stdout.trim();
      for (const target of [minted, `${url}?token=nwt1.a.b.c`]) {
        const body = JSON.stringify(event);
        await fetch(target, { method: 'POST', body, headers: { authorization: API_KEY } });
      }
      await command.printed(/a handler failed/);
      command.kill('SIGTERM');
      await command.end;
      expectNone(command.stderr());
      expectNone(command.stdout(), credentials);
    }
    expectNone(await readFile(join(folder, 'env.log'), 'utf8'), { SECRET });
  });

  test('refuses a password in the address to forward to, and does not repeat it', async () => {
    const address = `http://u:${PASSWORD}@127.0.0.1:1`;
    const { code, stdout, stderr } = await run(['serve', '--forward', address], { env });
    expect(code).toBe(2);
    expectNone(stdout + stderr);
  });

  test.each([`postgres://u:${PASSWORD}@127.0.0.1:1/a`, `redis://u:${PASSWORD}@127.0.0.1:1`])(
    'shows no password of a server that it cannot reach',
    async (address) => {
      const command = start(['serve', '--port', '0', '--inbox', address], { env });
      await command.printed(/ECONNREFUSED|refused|cannot/i);
      command.kill('SIGTERM');
      const { stdout, stderr } = await command.end;
      expectNone(stdout + stderr);
    },
  );
});

describe('simulate', () => {
  const submit = (url: string, callback: string) =>
    fetch(`${url}/v3/async/kling-v3.0-std-t2v`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${API_KEY}` },
      body: JSON.stringify({ prompt: 'a red kite', extra: { webhook: { url: callback } } }),
    });

  test('shows no token, key or password in the live view, its details and its report', async () => {
    const receiver = await listen(answerWithError);
    const minted = (await run(['url', `${receiver}/novita`], { env })).stdout.trim();
    const callback = minted.replace('//', `//u:${PASSWORD}@`);
    const terminal = startOnTerminal(['simulate', '--port', '0', '--retry-delay-ms', '1'], { env });
    const shown = (): string => readScreen(terminal.output()).rows.join('\n');
    await expect.poll(shown, { timeout: 30_000 }).toContain('No task yet');
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(shown())?.[0] ?? '';
    await submit(url, callback);
    await submit(url, minted);
    await expect.poll(shown).toMatch(/unacknowledged|never|6 of 6/);
    for (const key of ['\r', '?', 'j', 'r', 'q', 'q']) {
      terminal.type(key);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    terminal.kill('SIGINT');
    await terminal.end;
    expectNone(terminal.output(), credentials);
  });

  test('prints none of them in its lines, its report and a scenario that cannot be read', async () => {
    const receiver = await listen(answerWithError);
    const minted = (await run(['url', `${receiver}/novita`], { env })).stdout.trim();
    for (const json of [[], ['--json']]) {
      const command = start(['simulate', '--port', '0', '--retry-delay-ms', '1', ...json], { env });
      await command.printed(/http:\/\/127\.0\.0\.1:\d+/);
      const url = /http:\/\/127\.0\.0\.1:\d+/.exec(command.stdout() + command.stderr())?.[0] ?? '';
      await submit(url, minted.replace('//', `//u:${PASSWORD}@`));
      await expect.poll(command.stdout, { timeout: 20_000 }).toMatch(/500/);
      command.kill('SIGINT');
      const { stdout, stderr } = await command.end;
      expectNone(stdout + stderr, credentials);
    }
    const file = join(await temporaryFolder(), 'scenario.json');
    await writeFile(file, `{ "${PROMPT}": ${API_KEY}`);
    const { stdout, stderr } = await run(['simulate', '--port', '0', '--scenario', file], { env });
    expectNone(stdout + stderr);
  });
});
