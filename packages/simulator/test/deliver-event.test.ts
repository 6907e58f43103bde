import { createServer, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';

import type { Delivery, Plan, Simulator } from '../src/index.ts';
import { answerWith, startReceiver, startSimulator, webhook } from './support/setup.ts';

const submitAndWait = async (
  simulator: Simulator,
  url: string,
  plan?: Plan,
): Promise<readonly Delivery[]> => {
  await simulator.submit('txt2img', webhook(url), plan);
  await simulator.idle();
  return simulator.deliveries();
};

const answers = (deliveries: readonly Delivery[]): unknown[] =>
  deliveries.map(({ answer }) => ('status' in answer ? answer.status : answer.error));

/** Starts a TCP server that calls `act` on a connection when its first bytes arrive. */
const startTcpServer = async (act: (socket: Socket) => void): Promise<string> => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('data', () => {
      act(socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
};

describe('delivery', () => {
  test('POSTs JSON to the unchanged callback URL', async () => {
    const [simulator, receiver] = [await startSimulator(), await startReceiver()];
    const [delivery] = await submitAndWait(simulator, receiver.url);
    expect(receiver.received).toHaveLength(1);
    const [request] = receiver.received;
    expect(request).toMatchObject({ method: 'POST', path: '/hook?token=abc' });
    expect(request?.headers['content-type']).toBe('application/json');
    expect(request?.headers['content-length']).toBe(String(Buffer.byteLength(request?.body ?? '')));
    expect(delivery).toEqual({
      taskId: simulator.tasks()[0]?.id,
      url: receiver.url.replace('abc', '[redacted]'), // a delivery may be logged
      kind: 'main',
      copy: 1,
      attempt: 1,
      startedAt: expect.any(Number) as number,
      durationMs: expect.any(Number) as number,
      answer: { status: 200, body: 'answer 1' },
      faults: [],
      nextAttemptAt: undefined,
    });
  });

  test('records the first 4 KiB of the answer', async () => {
    const receiver = await startReceiver((response) => response.end('x'.repeat(1_000_000)));
    const [delivery] = await submitAndWait(await startSimulator(), receiver.url);
    expect(delivery?.answer).toEqual({ status: 200, body: 'x'.repeat(4096) });
  });

  test('reuses the connection', async () => {
    const ports = new Set<number | undefined>();
    const receiver = await startReceiver((response) => {
      ports.add(response.socket?.remotePort);
      response.end();
    });
    await submitAndWait(await startSimulator(), receiver.url, { duplicates: 3 });
    expect(receiver.received).toHaveLength(4);
    expect(ports.size).toBe(1);
  });

  test('calls onDelivery and turns its errors into process warnings', async () => {
    const warnings: Error[] = [];
    const listener = (warning: Error): void => void warnings.push(warning);
    process.on('warning', listener);
    onTestFinished(() => void process.off('warning', listener));
    const seen: Delivery[] = [];
    const simulator = await startSimulator({
      onDelivery: (delivery) => {
        seen.push(delivery);
        throw new Error('from onDelivery');
      },
    });
    const deliveries = await submitAndWait(simulator, (await startReceiver()).url);
    expect(seen).toEqual(deliveries);
    await expect.poll(() => warnings.map(({ message }) => message)).toContain('from onDelivery');
  });
});

describe('retries', () => {
  test.each([
    [[200], 1],
    [[201], 1],
    [[204], 1],
    [[503, 404, 200], 3],
    [[400], 6],
    [[500], 6],
  ])('an endpoint that answers %j receives %i POSTs', async (statuses, count) => {
    const receiver = await startReceiver(answerWith(...statuses));
    const deliveries = await submitAndWait(await startSimulator(), receiver.url);
    expect(receiver.received).toHaveLength(count);
    expect(deliveries.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4, 5, 6].slice(0, count));
    expect(new Set(receiver.received.map(({ body }) => body)).size).toBe(1);
  });

  test('treat a redirect as a failure', async () => {
    const target = await startReceiver();
    const receiver = await startReceiver((response) => {
      response.writeHead(307, { location: target.url }).end();
    });
    const deliveries = await submitAndWait(
      await startSimulator({ retry: { maxRetries: 1, delayMs: () => 1 } }),
      receiver.url,
    );
    expect(answers(deliveries)).toEqual([307, 307]);
    expect(target.received).toEqual([]);
  });

  test('wait for retry.delayMs', async () => {
    const retries: number[] = [];
    const delayMs = (retry: number): number => {
      retries.push(retry);
      return retry * 60;
    };
    const receiver = await startReceiver(answerWith(500));
    await submitAndWait(await startSimulator({ retry: { maxRetries: 2, delayMs } }), receiver.url);
    const [first = 0, second = 0, third = 0] = receiver.received.map(({ at }) => at);
    expect(retries).toEqual([1, 2]);
    expect(second - first).toBeGreaterThan(55);
    expect(third - second).toBeGreaterThan(115);
  });

  test('stop with maxRetries: 0', async () => {
    const receiver = await startReceiver(answerWith(500));
    await submitAndWait(await startSimulator({ retry: { maxRetries: 0 } }), receiver.url);
    expect(receiver.received).toHaveLength(1);
  });
});

describe('delivery to an endpoint', () => {
  const cases: [string, (socket: Socket) => void, string][] = [
    ['that never answers', () => undefined, 'timeout'],
    ['that sends half a header', (socket) => socket.write('HTTP/1.1 200 O'), 'timeout'],
    [
      'that never ends its body',
      (socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc'),
      'timeout',
    ],
    ['that resets the connection', (socket) => socket.resetAndDestroy(), 'connection'],
    ['that closes the connection', (socket) => socket.end(), 'connection'],
    ['that closes within the header', (socket) => socket.end('HTTP/1.1 200 O'), 'connection'],
    [
      'that closes within the body',
      (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc'),
      'connection',
    ],
    ['that does not speak HTTP', (socket) => socket.end('SSH-2.0-OpenSSH\r\n'), 'connection'],
    [
      'that upgrades the connection',
      (socket) => socket.write('HTTP/1.1 101 Ok\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'),
      'connection',
    ],
  ];

  test.each(cases)('%s is recorded and retried', async (_name, act, error) => {
    const url = await startTcpServer(act);
    const simulator = await startSimulator({
      deliveryTimeoutMs: 150,
      retry: { maxRetries: 1, delayMs: () => 1 },
    });
    const deliveries = await submitAndWait(simulator, url);
    expect(answers(deliveries)).toEqual([error, error]);
    if (error !== 'timeout') return;
    for (const { durationMs } of deliveries) {
      expect(durationMs).toBeGreaterThanOrEqual(145);
      expect(durationMs).toBeLessThan(4500); // the default is 5 s
    }
  });

  test('that does not listen is recorded and retried', async () => {
    const simulator = await startSimulator({ retry: { maxRetries: 2, delayMs: () => 1 } });
    const deliveries = await submitAndWait(simulator, 'http://127.0.0.1:1/');
    expect(answers(deliveries)).toEqual(['connection', 'connection', 'connection']);
    expect(deliveries[0]?.answer).toMatchObject({
      message: expect.stringContaining('ECONNREFUSED') as string,
    });
  });

  test('without TLS behind an https URL is recorded', async () => {
    const { url } = await startReceiver();
    const simulator = await startSimulator({ retry: { maxRetries: 0 } });
    expect(answers(await submitAndWait(simulator, url.replace('http:', 'https:')))).toEqual([
      'connection',
    ]);
  });

  test('that answers slowly but in time succeeds on a reused connection', async () => {
    const receiver = await startReceiver((response, count) => {
      setTimeout(() => response.end(), count === 2 ? 1100 : 0);
    });
    const deliveries = await submitAndWait(await startSimulator(), receiver.url, { duplicates: 1 });
    expect(answers(deliveries)).toEqual([200, 200]);
  });
});

describe('deliver()', () => {
  test('delivers the event once, without retries', async () => {
    const receiver = await startReceiver(answerWith(200, 500));
    const simulator = await startSimulator();
    const [first] = await submitAndWait(simulator, receiver.url);
    const delivery = await simulator.deliver(first?.taskId ?? '');
    expect(delivery).toMatchObject({
      kind: 'manual',
      copy: 2,
      attempt: 1,
      answer: { status: 500 },
    });
    expect(simulator.deliveries()).toHaveLength(2);
    expect(receiver.received[1]?.body).toBe(receiver.received[0]?.body);
  });

  test('accepts another URL and transformEvent', async () => {
    const [simulator, elsewhere] = [await startSimulator(), await startReceiver()];
    const { task_id } = await simulator.submit('txt2img');
    await simulator.idle();
    const transformEvent = (): object => ({ event_type: 'SOME_FUTURE_EVENT' });
    await simulator.deliver(task_id, { url: elsewhere.url, transformEvent });
    expect(elsewhere.received[0]?.body).toBe('{"event_type":"SOME_FUTURE_EVENT"}');
  });

  test('rejects unknown and unfinished tasks, missing and remote URLs', async () => {
    const simulator = await startSimulator();
    const quick = await simulator.submit('txt2img');
    const slow = await simulator.submit('txt2img', {}, { taskMs: 10_000 });
    await expect.poll(() => simulator.tasks()[0]?.event).toBeDefined();
    const url = 'http://127.0.0.1:1/';
    await expect(simulator.deliver('nothing', { url })).rejects.toThrow(
      'simulator: no task has the id nothing',
    );
    await expect(simulator.deliver(slow.task_id, { url })).rejects.toThrow('has not finished');
    await expect(simulator.deliver(quick.task_id)).rejects.toThrow('has no callback URL');
    await expect(simulator.deliver(quick.task_id, { url: 'http://example.com/' })).rejects.toThrow(
      'simulator: deliver.url: example.com is not a loopback host',
    );
    await expect(
      simulator.deliver(quick.task_id, { url, transformEvent: 'x' as never }),
    ).rejects.toThrow(new TypeError('simulator: deliver.transformEvent: must be a function'));
  });
});
