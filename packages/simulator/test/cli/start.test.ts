import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { describe, expect, onTestFinished, test } from 'vitest';

import { runProcess, startCommand } from '../support/run-command.ts';
import { answerWith, post, readJson, startReceiver, webhook } from '../support/setup.ts';

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
  const isUp = () => lines.includes('Ctrl-C ends it.');
  await expect.poll(isUp, { timeout: 15_000 }).toBe(true);
  const closed = once(child, 'close') as Promise<[number | null]>;
  return {
    url: /http:\S+/.exec(lines[0] ?? '')?.[0] ?? '',
    lines,
    end: async (signal) => {
      child.kill(signal);
      return (await closed)[0];
    },
  };
};

const task = { prompt: 'a red kite' };

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
});
