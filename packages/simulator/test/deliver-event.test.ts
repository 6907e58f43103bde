import { createServer, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';

import type { Delivery, Plan, Simulator } from '../src/index.ts';
import { answerWith, receive, simulate, webhook } from './support/setup.ts';

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

/** A server that does something to the bare connection once a request came. */
const receiveRaw = async (act: (socket: Socket) => void): Promise<string> => {
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

describe('a delivery', () => {
  test('is one POST of JSON to the callback URL as it was given', async () => {
    const [simulator, receiver] = [await simulate(), await receive()];
    const [delivery] = await submitAndWait(simulator, receiver.url);
    expect(receiver.received).toHaveLength(1);
    const [request] = receiver.received;
    expect(request).toMatchObject({ method: 'POST', path: '/hook?token=abc' });
    expect(request?.headers['content-type']).toBe('application/json');
    expect(request?.headers['content-length']).toBe(String(Buffer.byteLength(request?.body ?? '')));
    expect(delivery).toEqual({
      taskId: simulator.tasks()[0]?.id,
      url: receiver.url,
      kind: 'main',
      copy: 1,
      attempt: 1,
      startedAt: expect.any(Number) as number,
      durationMs: expect.any(Number) as number,
      answer: { status: 200, body: 'answer 1' },
    });
  });

  test('keeps 4 KiB of the answer', async () => {
    const receiver = await receive((response) => response.end('x'.repeat(1_000_000)));
    const [delivery] = await submitAndWait(await simulate(), receiver.url);
    expect(delivery?.answer).toEqual({ status: 200, body: 'x'.repeat(4096) });
  });

  test('uses a connection again', async () => {
    const ports = new Set<number | undefined>();
    const receiver = await receive((response) => {
      ports.add(response.socket?.remotePort);
      response.end();
    });
    await submitAndWait(await simulate(), receiver.url, { duplicates: 3 });
    expect(receiver.received).toHaveLength(4);
    expect(ports.size).toBe(1);
  });

  test('is shown to onDelivery, whose errors become warnings', async () => {
    const warnings: Error[] = [];
    const listener = (warning: Error): void => void warnings.push(warning);
    process.on('warning', listener);
    onTestFinished(() => void process.off('warning', listener));
    const seen: Delivery[] = [];
    const simulator = await simulate({
      onDelivery: (delivery) => {
        seen.push(delivery);
        throw new Error('from onDelivery');
      },
    });
    const deliveries = await submitAndWait(simulator, (await receive()).url);
    expect(seen).toEqual(deliveries);
    await expect.poll(() => warnings.map(({ message }) => message)).toContain('from onDelivery');
  });
});

describe('repeats', () => {
  test.each([
    [[200], 1],
    [[201], 1],
    [[204], 1],
    [[503, 404, 200], 3],
    [[400], 6],
    [[500], 6],
  ])('an endpoint that answers %j is asked %i times', async (statuses, count) => {
    const receiver = await receive(answerWith(...statuses));
    const deliveries = await submitAndWait(await simulate(), receiver.url);
    expect(receiver.received).toHaveLength(count);
    expect(deliveries.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4, 5, 6].slice(0, count));
    expect(new Set(receiver.received.map(({ body }) => body)).size).toBe(1);
  });

  test('do not follow redirects', async () => {
    const target = await receive();
    const receiver = await receive((response) => {
      response.writeHead(307, { location: target.url }).end();
    });
    const deliveries = await submitAndWait(
      await simulate({ retry: { maxRetries: 1, delayMs: () => 1 } }),
      receiver.url,
    );
    expect(answers(deliveries)).toEqual([307, 307]);
    expect(target.received).toEqual([]);
  });

  test('wait as long as they were told', async () => {
    const asked: number[] = [];
    const delayMs = (retry: number): number => {
      asked.push(retry);
      return retry * 60;
    };
    const receiver = await receive(answerWith(500));
    await submitAndWait(await simulate({ retry: { maxRetries: 2, delayMs } }), receiver.url);
    const [first = 0, second = 0, third = 0] = receiver.received.map(({ at }) => at);
    expect(asked).toEqual([1, 2]);
    expect(second - first).toBeGreaterThan(55);
    expect(third - second).toBeGreaterThan(115);
  });

  test('can be turned off', async () => {
    const receiver = await receive(answerWith(500));
    await submitAndWait(await simulate({ retry: { maxRetries: 0 } }), receiver.url);
    expect(receiver.received).toHaveLength(1);
  });
});

describe('an endpoint that', () => {
  const cases: [string, (socket: Socket) => void, string][] = [
    ['never answers', () => undefined, 'timeout'],
    ['answers half a header', (socket) => socket.write('HTTP/1.1 200 O'), 'timeout'],
    [
      'never ends its body',
      (socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc'),
      'timeout',
    ],
    ['resets', (socket) => socket.resetAndDestroy(), 'connection'],
    ['hangs up', (socket) => socket.end(), 'connection'],
    ['hangs up in the header', (socket) => socket.end('HTTP/1.1 200 O'), 'connection'],
    [
      'hangs up in the body',
      (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc'),
      'connection',
    ],
    ['does not speak HTTP', (socket) => socket.end('SSH-2.0-OpenSSH\r\n'), 'connection'],
    [
      'upgrades',
      (socket) => socket.write('HTTP/1.1 101 Ok\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'),
      'connection',
    ],
  ];

  test.each(cases)('%s is recorded and asked again', async (_name, act, error) => {
    const url = await receiveRaw(act);
    const simulator = await simulate({
      deliveryTimeoutMs: 150,
      retry: { maxRetries: 1, delayMs: () => 1 },
    });
    const deliveries = await submitAndWait(simulator, url);
    expect(answers(deliveries)).toEqual([error, error]);
    if (error !== 'timeout') return;
    for (const { durationMs } of deliveries) {
      expect(durationMs).toBeGreaterThanOrEqual(145);
      expect(durationMs).toBeLessThan(400);
    }
  });

  test('is not there is recorded and asked again', async () => {
    const simulator = await simulate({ retry: { maxRetries: 2, delayMs: () => 1 } });
    const deliveries = await submitAndWait(simulator, 'http://127.0.0.1:1/');
    expect(answers(deliveries)).toEqual(['connection', 'connection', 'connection']);
    expect(deliveries[0]?.answer).toMatchObject({
      message: expect.stringContaining('ECONNREFUSED') as string,
    });
  });

  test('speaks no TLS at an https URL is recorded', async () => {
    const { url } = await receive();
    const simulator = await simulate({ retry: { maxRetries: 0 } });
    expect(answers(await submitAndWait(simulator, url.replace('http:', 'https:')))).toEqual([
      'connection',
    ]);
  });

  test('is slow but in time is fine, on a connection that is reused too', async () => {
    const receiver = await receive((response, count) => {
      setTimeout(() => response.end(), count === 2 ? 1100 : 0);
    });
    const deliveries = await submitAndWait(await simulate(), receiver.url, { duplicates: 1 });
    expect(answers(deliveries)).toEqual([200, 200]);
  });
});

describe('by hand', () => {
  test('an event is delivered once more, without repeats', async () => {
    const receiver = await receive(answerWith(200, 500));
    const simulator = await simulate();
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

  test('it may be changed and sent elsewhere', async () => {
    const [simulator, elsewhere] = [await simulate(), await receive()];
    const { task_id } = await simulator.submit('txt2img');
    await simulator.idle();
    const transformEvent = (): object => ({ event_type: 'SOME_FUTURE_EVENT' });
    await simulator.deliver(task_id, { url: elsewhere.url, transformEvent });
    expect(elsewhere.received[0]?.body).toBe('{"event_type":"SOME_FUTURE_EVENT"}');
  });

  test('it must exist and have somewhere to go', async () => {
    const simulator = await simulate();
    const quick = await simulator.submit('txt2img');
    const slow = await simulator.submit('txt2img', {}, { taskMs: 10_000 });
    await expect.poll(() => simulator.tasks()[0]?.event).toBeDefined();
    const url = 'http://127.0.0.1:1/';
    await expect(simulator.deliver('nothing', { url })).rejects.toThrow('there is no task nothing');
    await expect(simulator.deliver(slow.task_id, { url })).rejects.toThrow('still runs');
    await expect(simulator.deliver(quick.task_id)).rejects.toThrow('has no callback URL');
    await expect(simulator.deliver(quick.task_id, { url: 'http://example.com/' })).rejects.toThrow(
      'simulator: deliver.url: example.com is not a loopback host',
    );
    await expect(
      simulator.deliver(quick.task_id, { url, transformEvent: 'x' as never }),
    ).rejects.toThrow(new TypeError('simulator: deliver.transformEvent: expected a function'));
  });
});
