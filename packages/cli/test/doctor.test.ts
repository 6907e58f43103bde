import { addOnlyInbox, createReceiver, type ReceiverOptions } from '@novita-webhooks/core';
import { handleNodeRequest } from '@novita-webhooks/core/node';
import { createSimulator, type Plan } from '@novita-webhooks/simulator';
import { sqliteInbox } from '@novita-webhooks/inbox-sqlite';
import express from 'express';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';

import { createCertificate, hasOpenssl } from '../../../test/support/certificate.ts';
import { freePort } from '../../../test/support/program.ts';
import { checkHttp } from '../src/doctor/addresses.ts';
import { checkExpiry } from '../src/doctor/certificate.ts';
import { checkTimes } from '../src/doctor/route.ts';
import { run, startOnTerminal, temporaryFolder, type RunOptions } from './support/run.ts';

const SECRET = 'a secret of these tests, long enough to sign';
const PATH = '/webhooks/novita';
const env = { NOVITA_WEBHOOK_SECRET: SECRET };

interface Report {
  readonly ok: boolean;
  readonly errors: number;
  readonly warnings: number;
  readonly checks: readonly { name: string; level: string; message: string; advice?: string }[];
}

/** Examines a URL as a process would. Returns the level and the text of each check by its name. */
async function examine(url: string, args: readonly string[] = [], options: RunOptions = {}) {
  const result = await run(['doctor', url, '--json', ...args], {
    ...options,
    env: { ...env, ...options.env },
  });
  expect(result.stderr).toBe('');
  expect(result.stdout).not.toContain('nwt1.');
  const report = JSON.parse(result.stdout) as Report;
  const entries = report.checks.map(
    ({ name, level, message, advice = '' }) => [name, `${level}: ${message} ${advice}`] as const,
  );
  return { code: result.code, report, checks: Object.fromEntries(entries) };
}

async function open(server: Server, scheme = 'http'): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `${scheme}://localhost:${(server.address() as AddressInfo).port}`;
}

const openListener = (listener: RequestListener): Promise<string> => open(createServer(listener));

/** A receiver as a listener of a server. */
function receive(options: Partial<ReceiverOptions> = {}) {
  const url = 'http://localhost/';
  const receiver = createReceiver({ url, secret: SECRET, logger: false, ...options });
  const handled: boolean[] = [];
  receiver.onTaskFailed((_result, { testMode }) => void handled.push(testMode));
  onTestFinished(() => receiver.close());
  const listener: RequestListener = (request, response) =>
    void handleNodeRequest(receiver, request, response);
  return { listener, handled };
}

/** A listener for one path; all others answer 404. */
const at =
  (path: string, listener: RequestListener): RequestListener =>
  (request, response) => {
    const [pathname] = (request.url ?? '').split('?');
    if (pathname === path) listener(request, response);
    else response.writeHead(404).end();
  };

test('doctor: a server has no broken connection to log', async () => {
  const server = createServer(at(PATH, receive().listener));
  const broken: Error[] = [];
  server.on('clientError', (error, socket) => {
    broken.push(error);
    socket.destroy();
  });
  const { checks } = await examine((await open(server)) + PATH);
  expect(checks['size']).toMatch(/^ok/);
  expect(broken).toEqual([]);
});

const redirectTo =
  (location: string): RequestListener =>
  (_request, response) =>
    response.writeHead(301, { location }).end();

describe('doctor', () => {
  test('finds nothing wrong with a receiver but its local address', async () => {
    const { listener, handled } = receive();
    const url = `${await openListener(at(PATH, listener))}${PATH}`;
    const { code, report, checks } = await examine(url);
    expect(report).toMatchObject({ ok: true, errors: 0, warnings: 1, url });
    expect(Object.entries(checks).map(([name, text]) => [name, text.split(':')[0]])).toEqual([
      ['address', 'warning'],
      ['connection', 'ok'],
      ['route', 'ok'],
      ['no token', 'ok'],
      ['token', 'ok'],
      ['event', 'ok'],
      ['duplicate', 'ok'],
      ['size', 'ok'],
      ['method', 'ok'],
      ['slash', 'ok'],
      ['time', 'ok'],
    ]);
    expect(code).toBe(0);
    await expect.poll(() => handled).toEqual([true]); // once, and marked as a test
  });

  test('--no-event sends nothing that a handler gets', async () => {
    const { listener, handled } = receive();
    const { checks } = await examine(await openListener(listener), ['--no-event']);
    expect(checks['event']).toMatch(/^skipped/);
    expect(checks['size']).toMatch(/^ok/);
    expect(handled).toEqual([]);
  });

  test('takes the token of a callback URL, and does without a secret', async () => {
    const { listener } = receive();
    const url = await openListener(listener);
    const minted = (await run(['url', url], { env })).stdout.trim();
    const without = { env: { NOVITA_WEBHOOK_SECRET: undefined } };
    expect((await examine(minted, [], without)).checks).toMatchObject({
      token: expect.stringMatching(/^ok/) as string,
      event: expect.stringMatching(/^ok/) as string,
    });
    const bare = await examine(url, [], without);
    expect(bare.checks['token']).toMatch(/^skipped.*NOVITA_WEBHOOK_SECRET/);
    expect(bare.code).toBe(0);
  });

  test('prints lines with tabs if it is piped, and marks on a terminal', async () => {
    const url = await openListener(redirectTo('/elsewhere'));
    const { code, stdout, stderr } = await run(['doctor', url], { env });
    expect(stdout).toMatch(/^error\troute\tPOST \/ answers 301 .*Use the final address/m);
    expect([code, stderr]).toEqual([1, '1 error, 1 warning.\n']);
    const terminal = startOnTerminal(['doctor', url], { env });
    expect(await terminal.end).toBe(1);
    expect(terminal.output()).toMatch(/✗.*route/);
  });

  test.each<readonly [string, () => RequestListener, RegExp]>([
    [
      'a redirect is an error',
      () => redirectTo('https://www.example.com/webhooks/novita'),
      /^error: POST .* answers 301 with a redirect to https:\/\/www\.example\.com\/webhooks\/novita: events are lost/,
    ],
    [
      'a page for all paths is another application',
      () => (_request, response) => response.end('<html>Welcome</html>'),
      /^error: Another application .* 200/,
    ],
    [
      'a login is another application',
      () => (_request, response) => response.writeHead(401).end('{"error":"login"}'),
      /^error: Another application .* 401.*a login/,
    ],
    [
      'an error of the server',
      () => (_request, response) => response.writeHead(502).end('Bad Gateway'),
      /^error: Another application .* 502.*Read the logs/,
    ],
    [
      'a broken connection',
      () => (request) => request.socket.destroy(),
      /^error: .*(ECONNRESET|hang up).*Read the log/,
    ],
    [
      'a wrong path, with the right one',
      () => at('/api/webhooks/novita', receive().listener),
      /^error: No route.*404.* A receiver answers at http:\S+\/api\/webhooks\/novita\. Did you/,
    ],
    [
      'a wrong path without a receiver',
      () => at('/nothing', receive().listener),
      /^error: No route.*404.*app\.post, not app\.get/,
    ],
    [
      'a route for GET only',
      () => express().get(PATH, (_request, response) => void response.send('ok')),
      /^error: No route answers POST \/webhooks\/novita: 404\. .*app\.post, not app\.get/,
    ],
  ])('%s', async (_name, create, expected) => {
    const { code, report, checks } = await examine(`${await openListener(create())}${PATH}`);
    expect(checks['route']).toMatch(expected);
    expect(report.checks.at(-1)?.name).toBe('route'); // what follows would tell nothing
    expect(code).toBe(1);
  });

  test('a server that does not answer in 5 seconds', async () => {
    const { code, checks } = await examine(await openListener(() => undefined));
    expect(checks['route']).toMatch(/^error: .*no complete answer in time.*Novita waits 5 seconds/);
    expect(code).toBe(1);
  });

  test.each<readonly [string, () => RequestListener, string, RegExp]>([
    [
      'another secret',
      () => receive({ secret: `${SECRET}!` }).listener,
      'token',
      /^error: The token is refused with 401\. Compare the secret and the `endpoint`/,
    ],
    ['another endpoint', () => receive({ endpoint: 'other' }).listener, 'token', /^error/],
    [
      'a receiver without a secret',
      () => receive({ secret: undefined, insecure: true }).listener,
      'no token',
      /^error: .*any program can send events/,
    ],
    [
      'an inbox that is down',
      () => {
        const add = () => Promise.reject(new Error('down'));
        return receive({ inbox: addOnlyInbox({ add, durable: true }), consume: false }).listener;
      },
      'event',
      /^error: The event doctor-\S+ is not accepted: 503.*Is the inbox running/,
    ],
    [
      'two servers without a common inbox',
      () => {
        const receivers = [receive(), receive()];
        let events = 0;
        return (request, response) => {
          const isEvent = Number(request.headers['content-length'] ?? 0) > 200;
          if (isEvent) events += 1;
          receivers[events % 2]?.listener(request, response);
        };
      },
      'duplicate',
      /^warning: .*handled twice.*share one inbox/,
    ],
    [
      'a receiver that ignores test events',
      () => receive({ testEvents: 'ignore' }).listener,
      'event',
      /^ok: The receiver ignores events of test mode/,
    ],
    [
      'a body parser with a small limit',
      () => express().use(express.json(), receive().listener),
      'size',
      /^error: An event of 512 KiB is not accepted: 413.*before a body parser/,
    ],
    [
      'a page for GET on the same path',
      () => {
        const { listener } = receive();
        return (request, response) => {
          if (request.method === 'GET') response.end('<html>');
          else listener(request, response);
        };
      },
      'method',
      /^warning: GET is answered 200, and should be 405/,
    ],
    [
      'a redirect beside the path',
      () => {
        const { listener } = receive();
        return (request, response) => {
          if (request.url?.includes(`${PATH}/`)) redirectTo(PATH)(request, response);
          else listener(request, response);
        };
      },
      'slash',
      /^warning: \/webhooks\/novita\/ answers 301 .*Give Novita exactly \/webhooks\/novita\./,
    ],
  ])('%s', async (_name, create, name, expected) => {
    const { code, checks } = await examine(`${await openListener(create())}${PATH}`);
    expect(checks[name]).toMatch(expected);
    expect(code).toBe(expected.source.startsWith('^error') ? 1 : 0);
  });

  test.each([
    ['http://no-such-host.invalid/', /^error: The name no-such-host\.invalid does not resolve/],
    ['http://127.0.0.1:1/', /^error: No address of 127\.0\.0\.1 accepts a connection: .*REFUSED/],
  ])('%s cannot be reached', async (url, expected) => {
    const { code, checks } = await examine(url);
    expect(checks['connection']).toMatch(expected);
    expect(code).toBe(3);
  });

  test.each<readonly [string[], RegExp]>([
    [['example.com'], /Pass an http or https URL/],
    [['http://localhost:1/', '--novita'], /NOVITA_API_KEY/],
    [['http://localhost:1/', '--secret', 'short'], /at least 32 characters/],
    [['http://localhost:1/', '--submit', '../x'], /Pass the last part of a path/],
  ])('%j exits with 2', async (args, message) => {
    const { code, stderr } = await run(['doctor', ...args], { env });
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
  });
});

describe.runIf(hasOpenssl())('certificates', () => {
  /** A receiver with TLS, and the environment of a command that trusts its certificate. */
  async function openTls(options?: { expired: boolean }) {
    const certificate = createCertificate(options);
    const url = await open(createTlsServer(certificate, receive().listener), 'https');
    const file = join(await temporaryFolder(), 'cert.pem');
    await writeFile(file, certificate.cert);
    return { url, trusting: { env: { NODE_EXTRA_CA_CERTS: file } } };
  }

  test('one that is trusted, and ends soon, is a warning', async () => {
    const { url, trusting } = await openTls();
    const { code, checks } = await examine(url, [], trusting);
    expect(checks['certificate']).toMatch(/^warning: .* for [01] more days.*Renew it now/);
    expect(checks['token']).toMatch(/^ok/);
    expect(code).toBe(0);
  });

  test('one that is self-signed, expired or for another name is an error', async () => {
    const { url, trusting } = await openTls();
    const own = await examine(url);
    expect(own.checks['certificate']).toMatch(/^error: .*SELF_SIGNED.*public authority/);
    expect([own.code, own.checks['token']]).toEqual([1, expect.stringMatching(/^ok/)]);
    const other = await examine(url.replace('localhost', '127.0.0.1'), [], trusting);
    expect(other.checks['certificate']).toMatch(/^error: .*ALTNAME.*another host name/);
    const expired = await openTls({ expired: true });
    const ended = await examine(expired.url, [], expired.trusting);
    expect(ended.checks['certificate']).toMatch(/^error: .*EXPIRED.*Renew it/);
  });

  test('a server without TLS', async () => {
    const url = await openListener(receive().listener);
    const { checks } = await examine(url.replace('http:', 'https:'));
    expect(checks['certificate']).toMatch(/^error: The server does not speak TLS/);
  });
});

test('a certificate that is valid for long is right', () => {
  const day = 86_400_000;
  expect(checkExpiry(60 * day, 0)).toMatchObject({ level: 'ok' });
  expect(checkExpiry(13 * day, 0)).toMatchObject({ level: 'warning' });
});

test('answers of more than half of the time are a warning', () => {
  const levels = [[10, 2499], [10, 2500], [5000]].map((times) => checkTimes(times).level);
  expect(levels).toEqual(['ok', 'warning', 'error']);
});

test('the http address beside https should redirect or be closed', async () => {
  const endpoint = { url: new URL('https://example.com/'), signedUrl: undefined };
  const check = async (listener: RequestListener) =>
    (await checkHttp(endpoint, await openListener(listener)))?.level;
  expect(await check(redirectTo('https://example.com/'))).toBe('ok');
  expect(await check(receive().listener)).toBe('warning');
  expect((await checkHttp(endpoint, 'http://127.0.0.1:1/'))?.level).toBe('ok');
});

describe('doctor --novita', () => {
  const openSimulator = async (plan: Plan = {}, apiKey = 'key') => {
    const simulator = await createSimulator({ apiKey, plan: () => plan });
    onTestFinished(() => simulator.close());
    const env = { NOVITA_API_KEY: 'key' };
    return { options: ['--novita', '--wait-s', '3', '--base-url', `${simulator.url}/`], env };
  };

  test('sees the event at a receiver of its own', async () => {
    const { options, env: key } = await openSimulator();
    const port = await freePort();
    const args = [...options, '--listen', String(port)];
    const without = { env: { ...key, NOVITA_WEBHOOK_SECRET: undefined } };
    const { code, checks } = await examine(`http://localhost:${port}${PATH}`, args, without);
    expect(checks['novita']).toMatch(
      /^ok: Novita honours webhooks at txt2img: the event of \S+ arrived .*TASK_STATUS_FAILED/,
    );
    expect(code).toBe(0);
  });

  test('says that no event arrives, and what to do', async () => {
    const { options, env: key } = await openSimulator({ dropDelivery: true });
    const port = await freePort();
    const args = [...options, '--listen', String(port)];
    const { code, checks } = await examine(`http://localhost:${port}${PATH}`, args, { env: key });
    expect(checks['novita']).toMatch(/^error: No event .* within 3 s.*receiver\.submit/);
    expect(code).toBe(1);
  });

  test('sees the event in an inbox, and without one says where to look', async () => {
    const { options, env: key } = await openSimulator();
    const folder = await temporaryFolder();
    const inbox = sqliteInbox({ path: join(folder, 'webhooks.db') });
    await inbox.stats(); // creates the file
    const url = await openListener(receive({ inbox }).listener);
    const seen = await examine(url, [...options, '--inbox', 'sqlite:webhooks.db'], {
      env: key,
      cwd: folder,
    });
    expect(seen.checks['novita']).toMatch(/^ok/);
    const unseen = await examine(url, options, { env: key });
    expect(unseen.checks['novita']).toMatch(/^skipped: .*TASK_STATUS_FAILED.*inbox show/);
    expect(unseen.code).toBe(0);
  });

  test('repeats why a task was refused, without the key', async () => {
    const { options, env: key } = await openSimulator({}, 'another-key');
    const url = await openListener(receive().listener);
    const { code, checks } = await examine(url, options, { env: key });
    expect(checks['novita']).toMatch(
      /^error: Novita refused the task at txt2img: 40\d .*Check NOV/,
    );
    expect(code).toBe(1);
    const body = ['--submit', 'no-such-endpoint', '--submit-body', 'missing.json'];
    const missing = await run(['doctor', url, ...options, ...body], { env: { ...env, ...key } });
    expect([missing.code, missing.stderr]).toEqual([3, expect.stringContaining('ENOENT')]);
  });
});
