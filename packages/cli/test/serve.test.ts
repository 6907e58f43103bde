import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { describe, expect, inject, onTestFinished, test } from 'vitest';

import { root } from '../../../test/support/workspace.ts';
import { run, start, temporaryFolder, type RunningCommand } from './support/run.ts';

const env = { NOVITA_WEBHOOK_SECRET: 'a secret of these tests, long enough to sign' };

/** Starts `serve` on a free port. */
async function serve(args: readonly string[], cwd?: string) {
  const options = { env, ...(cwd !== undefined && { cwd }) };
  const command = start(['serve', '--port', '0', ...args], options);
  await command.printed(/Ctrl-C ends it/);
  const url = /listening on (\S+)/.exec(command.stderr())?.[1] ?? '';
  return { command, url };
}

const trigger = (url: string, ...args: string[]) => run(['trigger', url, ...args], { env });

const stop = async (command: RunningCommand, signal: NodeJS.Signals = 'SIGTERM') => {
  command.kill(signal);
  return (await command.end).code;
};

describe('serve', () => {
  test('prints a line for each event, and ends cleanly', async () => {
    const { command, url } = await serve([]);
    await trigger(url, '--task-id', 'task-1');
    await trigger(url, '--task-id', 'task-2', '--status', 'failed', '--reason', 'out of memory');
    await expect
      .poll(command.stdout)
      .toMatch(/^\S+Z {2}task-1 {2}SUCCEED {2}TXT_TO_IMG {2}http\S+$/m);
    await expect.poll(command.stdout).toMatch(/task-2 {2}FAILED {2}TXT_TO_IMG {2}out of memory/);
    expect(await stop(command, 'SIGINT')).toBe(0);
    expect(command.stderr()).toContain('inbox:      in memory, lost at the end');
  });

  test('passes events to a file, a command and a URL, and tries again what failed', async () => {
    const bodies: string[] = [];
    const target = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (text: string) => (body += text));
      request.on('end', () => {
        bodies.push(body);
        response.writeHead(bodies.length === 1 ? 500 : 200).end();
      });
    }).listen(0, '127.0.0.1');
    await once(target, 'listening');
    onTestFinished(() => void target.close());
    const folder = await temporaryFolder();
    const forwardTo = `http://127.0.0.1:${(target.address() as AddressInfo).port}/`;
    const exec = 'cat > exec.json; echo "$NOVITA_TASK_ID [$NOVITA_WEBHOOK_SECRET]" >> exec.log';
    const options = ['--out', 'out.ndjson', '--exec', exec, '--forward', forwardTo, '--json'];
    const { command, url } = await serve(['--inbox', 'sqlite:webhooks.db', ...options], folder);
    await trigger(url, '--task-id', 'task-1', '--metadata', '{"orderId":42}', '--duplicate', '2');
    await expect.poll(() => bodies).toHaveLength(2);
    const stats = ['inbox', 'stats', '--inbox', 'sqlite:webhooks.db', '--json'];
    const done = async () =>
      (JSON.parse((await run(stats, { cwd: folder })).stdout) as { done: number }).done;
    await expect.poll(done).toBe(1);
    expect(await stop(command)).toBe(0);
    const record = { taskId: 'task-1', metadata: { orderId: 42 }, status: 'TASK_STATUS_SUCCEED' };
    const read = (file: string) => readFile(join(folder, file), 'utf8');
    for (const text of [
      command.stdout(),
      ...bodies,
      await read('out.ndjson'),
      await read('exec.json'),
    ]) {
      expect(JSON.parse(text)).toMatchObject(record);
    }
    expect(await read('exec.log')).toBe('task-1 []\n'); // once, and without the secret
  });

  test('an event that arrived before a kill is handled after the next start', async () => {
    const folder = await temporaryFolder();
    const args = ['--inbox', 'sqlite:webhooks.db'];
    const first = await serve([...args, '--exec', 'sleep 20'], folder);
    expect((await trigger(first.url, '--task-id', 'task-1')).code).toBe(0);
    first.command.kill('SIGTERM');
    first.command.kill('SIGKILL');
    await first.command.end;
    const second = await serve([...args, '--out', 'out.ndjson'], folder);
    await expect
      .poll(() => readFile(join(folder, 'out.ndjson'), 'utf8'), { timeout: 150_000 })
      .toContain('"taskId":"task-1"');
    expect(await stop(second.command)).toBe(0);
  }, 180_000); // the lease of 30 s has to expire

  test('a command that fails leaves a reason in the inbox', async () => {
    const folder = await temporaryFolder();
    const args = ['--inbox', 'sqlite:webhooks.db', '--exec', 'echo no disk space >&2; exit 3'];
    const { command, url } = await serve(args, folder);
    await trigger(url, '--task-id', 'task-1');
    const show = async () => {
      const { stdout } = await run(['inbox', 'sqlite:webhooks.db', 'show', 'task-1'], {
        cwd: folder,
      });
      return stdout;
    };
    await expect.poll(show).toMatch(/exec: Error: --exec ended with 3: no disk space/);
    expect(await stop(command)).toBe(0);
  });

  test('answers health and readiness, and 404 elsewhere', async () => {
    const { command, url } = await serve(['--path', '/hooks']);
    const { origin } = new URL(url);
    const get = async (path: string) => (await fetch(origin + path)).status;
    expect(await Promise.all(['/healthz', '/readyz', '/', '/hooks'].map(get))).toEqual([
      200, 200, 404, 405,
    ]);
    expect((await fetch(url, { method: 'POST' })).status).toBe(401);
    expect(await stop(command)).toBe(0);
  });

  test('needs no secret for a first try: the printed line delivers an event', async () => {
    const command = start(['serve', '--port', '0'], { env: { npm_command: 'exec' } });
    await command.printed(/Ctrl-C ends it/);
    const [, url = ''] =
      /try it: +npx novita-webhooks trigger '(\S+)'/.exec(command.stderr()) ?? [];
    const { code } = await run(['trigger', url, '--task-id', 'task-1']);
    expect(code).toBe(0);
    await expect.poll(command.stdout).toContain('task-1');
    expect((await fetch(url.split('?')[0] ?? '', { method: 'POST' })).status).toBe(401);
    expect(await stop(command)).toBe(0);
  });

  test('prints the line in the words of npx', async () => {
    const cache = join(await temporaryFolder(), '_npx');
    await symlink(dirname(inject('commandFile')), cache, 'junction');
    for (const [file, npm_command, words] of [
      [join(cache, 'main.mjs'), 'exec', 'npx @novita-webhooks/cli trigger http'],
      [inject('commandFile'), 'exec', 'npx novita-webhooks trigger http'],
      [inject('commandFile'), undefined, 'novita-webhooks trigger http'],
    ] as const) {
      const options = { env: { ...env, npm_command }, file };
      const command = start(['serve', '--port', '0'], options);
      await command.printed(/Ctrl-C ends it/);
      expect(command.stderr()).toContain(`try it:     ${words}`);
      await stop(command);
    }
  });

  test('does not warn that it receives nothing while it waits for the first event', async () => {
    const { command } = await serve([]);
    await delay(6000); // a receiver that nothing mounts warns after 5 s
    expect(await stop(command)).toBe(0);
    expect(command.stderr()).not.toContain('mounted');
  });

  test.each(['node', 'express', 'fastify', 'koa'])('runs in an application of %s', async (name) => {
    const { command, url } = await serve(['--framework', name, '--path', '/hooks']);
    expect((await trigger(url, '--task-id', 'task-1')).code).toBe(0);
    await expect.poll(command.stdout).toContain('task-1');
    const { origin } = new URL(url);
    const statuses = ['/hooks', '/readyz', '/'].map(
      async (path) => (await fetch(origin + path)).status,
    );
    expect(await Promise.all(statuses)).toEqual([405, 200, 404]);
    expect(await stop(command)).toBe(0);
    expect(command.stderr()).not.toMatch(/\n {4}at /);
  });

  test('says how to install a framework', async () => {
    const folder = await temporaryFolder();
    await cp(dirname(inject('commandFile')), folder, { recursive: true });
    await mkdir(join(folder, 'node_modules'));
    for (const name of ['commander', 'zod']) {
      await symlink(
        join(root, 'node_modules', name),
        join(folder, 'node_modules', name),
        'junction',
      );
    }
    const args = [join(folder, 'main.mjs'), 'serve', '--port', '0', '--framework', 'koa'];
    const result = promisify(execFile)(process.execPath, args, {
      cwd: folder,
      env: { ...process.env, ...env },
    });
    await expect(result).rejects.toMatchObject({
      code: 3,
      stderr: expect.stringMatching(
        /koa is not installed\. Run `npm install @novita-webhooks\/koa koa` in this folder\./,
      ) as string,
    });
  });

  test.each<readonly [string[], number, RegExp]>([
    [['--framework', 'hono'], 2, /Allowed choices are node, express, fastify, koa/],
    [['--path', 'hooks'], 2, /--path must begin with \//],
    [['--inbox', 'x'], 2, /the inbox must begin with sqlite:/],
    [
      ['--out', 'missing/out.ndjson'],
      3,
      /--out missing\/out\.ndjson cannot be written: .*does not exist/,
    ],
    [['--secret', 'short'], 2, /at least 32 characters/],
    [
      ['--host', '192.0.2.1'],
      3,
      /192\.0\.2\.1 is no address of this machine\. Pass one with --host/,
    ],
    [['--inbox', 'sqlite:missing/webhooks.db'], 3, /the inbox sqlite:missing.* cannot be opened/],
    [['--inbox', 'sqlite:text.db'], 3, /text\.db: it is damaged or not a SQLite database/],
    [['--inbox', 'postgres://me:pw@127.0.0.1:1/x'], 3, /^[^:]+: the inbox postgres:.* refused/],
    [['--inbox', 'redis://127.0.0.1:1'], 3, /^[^:]+: the inbox redis:.* cannot be reached/],
  ])('%j exits with %i', async (args, code, message) => {
    const cwd = await temporaryFolder();
    await writeFile(join(cwd, 'text.db'), 'not a database');
    const result = await run(['serve', '--port', '0', ...args], { env, cwd });
    expect(result.stderr).toMatch(message);
    expect(result.stderr).not.toMatch(/listening|pw@| at .*:\d+:\d+/);
    expect(result.code).toBe(code);
  });

  test('says what to do if the port is in use, and without a secret', async () => {
    const { command, url } = await serve([]);
    const second = await run(['serve', '--port', new URL(url).port], { env });
    expect([second.code, second.stderr]).toEqual([
      3,
      expect.stringMatching(/port \d+ is in use\. Stop/),
    ]);
    const bare = await run(['serve', '--inbox', 'sqlite:webhooks.db']);
    expect([bare.code, bare.stderr]).toEqual([2, expect.stringContaining('openssl rand -hex 32')]);
    await stop(command);
  });
});

describe('url', () => {
  test('mints a URL that a receiver accepts', async () => {
    const { command, url } = await serve(['--json']);
    const args = ['--metadata', '{"orderId":7}', '--expires-in-s', '60'];
    const { stdout } = await run(['url', url, ...args, '--json'], { env });
    const minted = (JSON.parse(stdout) as { url: string }).url;
    expect((await run(['url', url], { env })).stdout).toMatch(/^http\S+\?token=nwt1\.\S+\n$/);
    expect((await run(['trigger', minted])).code).toBe(0);
    await expect.poll(command.stdout).toContain('"metadata":{"orderId":7}');
    await stop(command);
  });

  test.each<readonly [string[], RegExp]>([
    [['example.com'], /Pass an http or https URL/],
    [['https://example.com/', '--expires-in-s', '0'], /Pass a whole number from 1/],
    [['https://example.com/', '--secret', 'short'], /at least 32 characters/],
  ])('%j exits with 2', async (args, message) => {
    const { code, stderr } = await run(['url', ...args], { env });
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
  });

  test('says how to make a secret', async () => {
    const { code, stderr } = await run(['url', 'https://example.com/']);
    expect([code, stderr]).toEqual([2, expect.stringContaining('NOVITA_WEBHOOK_SECRET')]);
  });
});

describe('simulate', () => {
  test('runs a local Novita that delivers to serve', async () => {
    const { command, url } = await serve([]);
    const simulator = start(['simulate', '--port', '0']);
    await simulator.printed(/Ctrl-C ends it/);
    const base = /listening on (\S+)/.exec(simulator.stdout())?.[1] ?? '';
    const minted = (await run(['url', url], { env })).stdout.trim();
    const response = await fetch(`${base}/v3/async/kling-v3.0-std-t2v`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ prompt: 'a red kite', extra: { webhook: { url: minted } } }),
    });
    const { task_id: id } = (await response.json()) as { task_id: string };
    await expect.poll(command.stdout).toContain(id);
    await expect.poll(simulator.stdout).toMatch(/200 accepted/);
    expect(await stop(simulator, 'SIGINT')).toBe(0);
    expect(await stop(command)).toBe(0);
  });
});
