import { once } from 'node:events';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { beforeEach, describe, expect, test, vi } from 'vitest';

import { startReceiverServer } from '../../../../test/support/receiver-server.ts';
import { runCommand, runProcess } from '../support/run-command.ts';
import { answerWith, startReceiver, startSimulator } from '../support/setup.ts';

const SECRET = 'a secret of these tests, long enough to sign';
const withSecret = ['--secret', SECRET];

beforeEach(() => void vi.stubEnv('NOVITA_WEBHOOK_SECRET', undefined));

describe('trigger', () => {
  test('signs the URL with the secret of the environment, and the handler runs', async () => {
    const { url, handled } = await startReceiverServer(SECRET);
    const args = ['trigger', url, '--images', '2', '--metadata', '{"orderId":42}'];
    const { code, stdout, stderr } = await runProcess(args, { NOVITA_WEBHOOK_SECRET: SECRET });
    expect(stderr).toBe('');
    expect(stdout).toMatch(/attempt 1: 200 accepted \(\d+ ms\)\. .*Novita is done/);
    expect(stdout).not.toContain('nwt1.');
    expect(code).toBe(0);
    await expect.poll(() => handled).toHaveLength(1);
    expect(handled).toMatchObject([
      { metadata: { orderId: 42 }, testMode: false, result: { task: { task_type: 'TXT_TO_IMG' } } },
    ]);
    expect(handled[0]?.result.images).toHaveLength(2);
    expect(stdout).toContain(handled[0]?.result.task.task_id);
  });

  test('sends a failed task, with --secret, --endpoint and --test-mode', async () => {
    const { url, handled } = await startReceiverServer(SECRET, 'orders');
    const failed = ['--status', 'failed', '--reason', 'out of memory', '--test-mode'];
    const signing = ['--secret', SECRET, '--endpoint', 'orders'];
    const { code } = await runCommand(['trigger', url, ...failed, ...signing]);
    expect(code).toBe(0);
    await expect.poll(() => handled).toHaveLength(1);
    const task = { status: 'TASK_STATUS_FAILED', reason: 'out of memory' };
    expect(handled).toMatchObject([{ testMode: true, result: { task } }]);
  });

  test('uses the token of a URL, and takes id and type of the task', async () => {
    const { receiver, handled } = await startReceiverServer(SECRET);
    const { url } = await receiver.createCallback({ metadata: { orderId: 7 } });
    const task = ['--task-id', 'my-task', '--task-type', 'WAN_TXT_TO_VIDEO', '--videos', '1'];
    const { code, stderr } = await runProcess(['trigger', url, ...task], {
      NOVITA_WEBHOOK_SECRET: SECRET,
    });
    expect([code, stderr]).toEqual([0, '']);
    await expect.poll(() => handled).toHaveLength(1);
    expect(handled[0]?.metadata).toEqual({ orderId: 7 });
    const { task: received, videos } = handled[0]?.result ?? {};
    expect(received).toMatchObject({ task_id: 'my-task', task_type: 'WAN_TXT_TO_VIDEO' });
    expect(videos).toHaveLength(1);
  });

  test('prints one JSON object with --json, for copies too', async () => {
    const { url } = await startReceiverServer(SECRET);
    const copies = ['--duplicate', '1', '--concurrent', '2'];
    const { code, stdout } = await runCommand(['trigger', url, ...copies, '--json', ...withSecret]);
    const result = JSON.parse(stdout) as { url: string; deliveries: { kind: string }[] };
    expect(result).toMatchObject({ acknowledged: true, url: `${url}?token=[redacted]` });
    const kinds = result.deliveries.map(({ kind }) => kind).sort();
    expect(kinds).toEqual(['duplicate', 'main', 'parallel']);
    expect(code).toBe(0);
  });

  test('says why an unsigned URL is rejected, and exits with 1', async () => {
    const { url } = await startReceiverServer(SECRET);
    const { code, stdout, stderr } = await runCommand(['trigger', url]);
    expect(stderr).toMatch(/no token.*401.*NOVITA_WEBHOOK_SECRET.*--secret/);
    expect(stdout).toContain('401 unauthorized');
    expect(code).toBe(1);
  });

  test('explains a 401 if the secret or the endpoint is another one', async () => {
    const { url } = await startReceiverServer(SECRET);
    const { code, stdout } = await runCommand(['trigger', url, '--endpoint', 'x', ...withSecret]);
    expect(stdout).toMatch(/401 unauthorized[^]*`secret`[^]*`endpoint`[^]*expired/);
    expect(code).toBe(1);
  });

  test('says of another status of the same task that the first one counts', async () => {
    const { url } = await startReceiverServer(SECRET);
    const args = ['trigger', url, '--task-id', 'my-task', ...withSecret];
    await runCommand(args);
    const { code, stdout } = await runCommand([...args, '--status', 'failed']);
    expect(stdout).toMatch(/200 duplicate .*The first one counts/);
    expect(code).toBe(0);
  });

  test('performs the retries with --retry', async () => {
    const { url, received } = await startReceiver(answerWith(503, 500, 200));
    const args = ['trigger', url, '--retry', '--retry-delay-ms', '1'];
    const { code, stdout } = await runCommand(args);
    expect(received).toHaveLength(3);
    expect(stdout).toMatch(/attempt 1 of 6: 503 .*Retry 1 follows in 1 ms[^]*attempt 3 of 6: 200/);
    expect(code).toBe(0);
  });

  test('gives up after 6 attempts, and exits with 1', async () => {
    const { url, received } = await startReceiver(answerWith(500));
    const { code, stdout } = await runCommand(['trigger', url, '--retry', '--retry-delay-ms', '0']);
    expect(received).toHaveLength(6);
    expect(stdout).toMatch(/No retry is left after 6 attempts/);
    expect(code).toBe(1);
  });

  test('asks for the server if nothing listens', async () => {
    const free = createTcpServer().listen(0, '127.0.0.1');
    await once(free, 'listening');
    const { port } = free.address() as AddressInfo;
    free.close();
    const url = `http://localhost:${port}/webhooks/novita`;
    const { code, stdout } = await runCommand(['trigger', url, ...withSecret]);
    expect(stdout).toContain(`Is your server running on http://localhost:${port}?`);
    expect(code).toBe(1);
  });

  test('sends links that the simulator of --simulator serves', async () => {
    const simulator = await startSimulator();
    const { url, received } = await startReceiver();
    await runCommand(['trigger', url, '--audios', '1', '--simulator', `${simulator.url}/`]);
    const link = /http:[^"]+\.wav[^"]*/.exec(received[0]?.body ?? '')?.[0] ?? '';
    const response = await fetch(link);
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'audio/wav']);
  });
});

describe('novita-simulator', () => {
  const url = 'http://127.0.0.1:1/';

  test.each([
    [['trigger'], "missing required argument 'url'"],
    [['trigger', 'localhost:3000'], 'The scheme is missing: add http:// in front.'],
    [['trigger', 'ftp://localhost/'], 'Pass an http or https URL'],
    [['trigger', 'http://user:pass@localhost/'], 'without a user and a password'],
    [['trigger', url, '--image', '2'], 'Did you mean --images?'],
    [['trigger', url, '--images', 'two'], 'Pass a whole number from 0 to 100.'],
    [['trigger', url, '--images', '1', '--videos', '1'], 'cannot be used with'],
    [['trigger', url, '--status', 'done'], 'Pass one of succeed, failed'],
    [['trigger', url, '--reason', 'x'], 'Add --status failed.'],
    [['trigger', url, '--metadata', '7'], 'Pass a JSON object in quotes'],
    [['trigger', url, '--metadata', '{}'], 'travels in the token'],
    [['trigger', url, '--secret', ''], 'openssl rand -hex 32'],
    [['trigger', url, '--secret', 'short'], 'at least 32 characters'],
    [['trigger', `${url}?token=x`, '--metadata', '{}'], 'already has a token'],
    [['start', '--port', '70000'], 'Pass a whole number from 0 to 65535.'],
    [['stop'], "unknown command 'stop'"],
  ])('%j: prints what is wrong and exits with 2', async (args, message) => {
    const { code, stdout, stderr } = await runCommand(args);
    expect(stderr).toMatch(/^novita-simulator: /);
    expect(stderr).toContain(message);
    expect([code, stdout]).toEqual([2, '']);
  });

  test.each([[[]], [['--help']], [['start', '--help']], [['trigger', '--help']]])(
    '%j: prints help to stdout and exits with 0',
    async (args) => {
      const { code, stdout, stderr } = await runCommand(args);
      expect(stdout).toMatch(/^Usage: novita-simulator/);
      expect([code, stderr]).toEqual([0, '']);
    },
  );
});
