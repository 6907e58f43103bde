import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, onTestFinished, test } from 'vitest';

import { runCommand, runProcess, startCommand } from '../support/run-command.ts';
import {
  answerWith,
  post,
  readJson,
  startReceiver,
  startSimulator,
  webhook,
} from '../support/setup.ts';

interface RunningCommand {
  readonly url: string;
  readonly lines: readonly string[];
  /** Sends the signal and resolves to the exit code. */
  readonly end: (signal: NodeJS.Signals) => Promise<number | null>;
}

/** Starts `novita-simulator start` on a free port, and ends it after the test. */
const start = async (...args: string[]): Promise<RunningCommand> => {
  const child = startCommand(['start', '--port', '0', ...args]);
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  const isUp = () => lines.some((line) => /^Ctrl-C ends it|"listening"/.test(line));
  await expect.poll(isUp, { timeout: 45_000 }).toBe(true);
  const closed = once(child, 'close') as Promise<[number | null]>;
  return {
    url: /http:[^\s"]+/.exec(lines[0] ?? '')?.[0] ?? '',
    lines,
    end: async (signal) => {
      child.kill(signal);
      return (await closed)[0];
    },
  };
};

const task = { prompt: 'a red kite' };

const parse = (lines: readonly string[]): Record<string, unknown>[] =>
  lines.map((line) => JSON.parse(line) as Record<string, unknown>);

describe('start', () => {
  test('prints its URL, tasks, deliveries and retries, and ends at Ctrl-C', async () => {
    const receiver = await startReceiver(answerWith(503, 200));
    const command = await start('--retry-delay-ms', '1');
    const body = JSON.stringify({ ...task, ...webhook(receiver.url) });
    const response = await post(`${command.url}/v3/async/kling-v3.0-std-t2v`, body);
    const { task_id: id } = await readJson(response);
    await expect.poll(() => receiver.received).toHaveLength(2);
    await expect
      .poll(() => command.lines.filter((line) => line.startsWith(String(id))))
      .toHaveLength(3);
    const text = command.lines.join('\n');
    expect(text).toContain(`novita.setBaseUrl('${command.url}')`);
    expect(text).toContain(`${String(id)}  accepted KLING_V3.0_STD_T2V, 0 ms. Its event goes to`);
    expect(text).toMatch(/attempt 1 of 6: 503 .*Retry 1 follows in 1 ms/);
    expect(text).toMatch(/attempt 2 of 6: 200 /);
    expect(text).not.toContain('token=abc');
    expect(await command.end('SIGINT')).toBe(0);
  });

  test('prints rejected requests, and checks --api-key', async () => {
    const command = await start('--api-key', 'secret');
    await post(`${command.url}/v3/async/txt2img?x=1`, '{}');
    await expect
      .poll(() => command.lines.at(-1))
      .toBe('POST /v3/async/txt2img: 400 MISSING_API_KEY: missing api-key');
    expect(await command.end('SIGTERM')).toBe(0);
  });

  test('says what to do if the port is in use, and exits with 3', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const { code, stderr } = await runProcess(['start', '--port', String(port)]);
    expect(stderr).toMatch(`port ${port} is in use. Stop the process that listens there, or pass`);
    expect(code).toBe(3);
  });

  test('prints faults, and how to send an event later that was not acknowledged', async () => {
    const command = await start('--max-retries', '0', '--faults', 'reset', '--seed', '7');
    const receiver = await startReceiver();
    const submit = async (simulator: object): Promise<string> => {
      const extra = { webhook: { url: receiver.url }, simulator };
      const path = `${command.url}/v3/async/kling-v3.0-std-t2v`;
      return String((await readJson(await post(path, JSON.stringify({ extra }))))['task_id']);
    };
    const lost = await submit({});
    const dropped = await submit({ faults: { drop: 1 } });
    const kept = (id: string) =>
      `The simulator keeps it. Send it again: curl -X POST '${command.url}/simulator/redeliver?task_id=${id}'`;
    const text = () => command.lines.join('\n');
    await expect.poll(text).toContain(`Novita gives up, and the event is lost. ${kept(lost)}`);
    await expect.poll(text).toContain(`${dropped}  dropped its event. ${kept(dropped)}`);
    expect(text()).toContain('0 ms. Its event will be dropped. Faults: drop.');
    expect(text()).toContain(`${lost}  attempt 1 with reset: no connection: the simulator broke`);
    await fetch(`${command.url}/simulator/redeliver?task_id=${lost}`, { method: 'POST' });
    await expect.poll(text).toContain(`${lost}  sent again, attempt 1: 200`);
    expect(await command.end('SIGINT')).toBe(0);
    expect(text()).toContain('Report (seed 7)');
    expect(text()).toContain('events:     1 acknowledged, 1 dropped');
    expect(text()).toContain(`  dropped:\n    ${dropped}`);
    expect(text()).not.toContain('token=abc');
  });

  test('--json prints a line for each activity, and the report', async () => {
    const command = await start('--json', '--no-webhooks', '--rate-limit', '1', '--retired');
    const receiver = await startReceiver();
    const body = JSON.stringify(webhook(receiver.url));
    await post(`${command.url}/v3/async/kling-v3.0-std-t2v`, body);
    expect((await post(`${command.url}/v3/async/upscale`, body)).status).toBe(429);
    expect(await command.end('SIGTERM')).toBe(0);
    const lines = parse(command.lines);
    expect(lines[0]).toMatchObject({ type: 'listening', url: command.url });
    expect(lines[1]).toMatchObject({ type: 'task', task: { eventState: 'none' } });
    expect(lines.at(-1)).toMatchObject({
      type: 'report',
      report: { events: { none: 1 }, rejectedRequests: { RATE_LIMIT_EXCEEDED: 1 } },
    });
    expect(receiver.received).toEqual([]);
  });

  test('--scenario sets what the other options do not', async () => {
    const file = join(await mkdtemp(join(tmpdir(), 'scenario-')), 'scenario.json');
    onTestFinished(() => rm(dirname(file), { recursive: true }));
    const scenario = {
      seed: 5,
      taskMs: 60_000,
      faults: { drop: 1 },
      tasks: [{ plan: { count: 3 } }],
    };
    await writeFile(file, JSON.stringify(scenario));
    const command = await start(
      '--json',
      '--scenario',
      file,
      '--task-ms',
      '1',
      '--faults',
      'flip=0.5',
    );
    await post(`${command.url}/v3/async/kling-v3.0-std-t2v`, JSON.stringify(webhook(command.url)));
    await expect.poll(() => command.lines.join('\n')).toContain('"eventState":"dropped"');
    expect(await command.end('SIGINT')).toBe(0);
    const last = parse(command.lines).at(-2);
    expect(last).toMatchObject({
      task: {
        plan: {
          taskMs: 1,
          count: 3,
          faults: { drop: { probability: 1 }, flip: { probability: 0.5 } },
        },
      },
    });
    expect(parse(command.lines).at(-1)).toMatchObject({ report: { seed: 5 } });
  });

  test('says how to share a simulator that has the port', async () => {
    const { url } = await startSimulator({ apiKey: 'secret' });
    const { port } = new URL(url);
    const { code, stderr } = await runProcess(['start', '--port', port]);
    expect(stderr).toContain(
      `port ${port} is in use by another simulator. You can share it: use ${url}`,
    );
    expect(code).toBe(3);
  });

  test.each<[string[], number, RegExp]>([
    [['--faults', 'dorp=1'], 2, /No fault is called 'dorp'\. Pass some of drop, delay/],
    [['--faults', 'drop=2'], 2, /The probability of drop must be from 0 to 1/],
    [['--faults', 'drop='], 2, /The probability of drop must be from 0 to 1/],
    [['--faults', ''], 2, /No fault is called ''/],
    [['--without-webhooks', 'a b'], 2, /Pass names of endpoints/],
    [['--no-webhooks', '--without-webhooks', 'x'], 2, /cannot be used with/],
    [['--rate-limit', '0'], 2, /Pass a whole number from 1/],
    [
      ['--scenario', '/nowhere.json'],
      3,
      /--scenario \/nowhere\.json cannot be read: .*does not exist/,
    ],
    [['--scenario', 'README.md'], 4, /--scenario README\.md is not JSON/],
    [
      ['--scenario', 'package.json'],
      4,
      /package\.json: simulator: scenario: name, .* are unknown\. Known: taskMs, /,
    ],
  ])('%j is rejected with exit code %i', async (args, expected, message) => {
    const { code, stderr } = await runCommand(['start', '--port', '0', ...args]);
    expect(stderr).toMatch(message);
    expect(code).toBe(expected);
  });
});
