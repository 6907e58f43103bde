import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

import { answerWith, startReceiver, startSimulator, webhook } from './support/setup.ts';

describe('idle()', () => {
  test('resolves at once if nothing runs', async () => {
    await (await startSimulator()).idle();
  });

  test('waits for tasks, retries, duplicates and manual deliveries', async () => {
    const receiver = await startReceiver(answerWith(500, 500, 200));
    const simulator = await startSimulator({ taskMs: 40, retry: { delayMs: () => 40 } });
    await simulator.submit('txt2img', webhook(receiver.url), { duplicates: 1 });
    await simulator.idle();
    expect(receiver.received).toHaveLength(4);
    const manual = simulator.deliver(simulator.tasks()[0]?.id ?? '');
    await simulator.idle();
    expect(simulator.deliveries()).toHaveLength(5);
    await manual;
  });
});

describe('close()', () => {
  test('aborts running tasks', async () => {
    const [simulator, receiver] = [await startSimulator({ taskMs: 50 }), await startReceiver()];
    await simulator.submit('txt2img', webhook(receiver.url));
    await simulator.close();
    await new Promise((resolve) => setTimeout(resolve, 80));
    expect(receiver.received).toEqual([]);
    expect(simulator.tasks()).toMatchObject([{ finishedAt: undefined }]);
  });

  test('aborts running deliveries and records them', async () => {
    const receiver = await startReceiver(() => undefined);
    const simulator = await startSimulator();
    await simulator.submit('txt2img', webhook(receiver.url), { parallelCopies: 3 });
    await expect.poll(() => receiver.received.length).toBe(3);
    await simulator.close();
    expect(simulator.deliveries()).toHaveLength(3);
    for (const { answer } of simulator.deliveries()) {
      expect(answer).toEqual({ error: 'closed', message: 'the simulator was closed' });
    }
  });

  test('aborts retries and deliveries that wait for a slot', async () => {
    const receiver = await startReceiver((response, count) => {
      if (count === 1) response.writeHead(500).end();
    });
    const simulator = await startSimulator({ concurrency: 1, retry: { delayMs: () => 60_000 } });
    await simulator.submit('txt2img', webhook(receiver.url));
    await expect.poll(() => simulator.deliveries().length).toBe(1);
    await simulator.submit('txt2img', webhook(receiver.url), { parallelCopies: 5 });
    await expect.poll(() => receiver.received.length).toBe(2);
    const manual = simulator.deliver(simulator.tasks()[0]?.id ?? '');
    const refused = expect(manual).rejects.toThrow('simulator: closed before the delivery started');
    await simulator.close();
    await refused;
    expect(simulator.deliveries()).toHaveLength(2);
    await simulator.idle();
  });

  test('closes connections with an incomplete request', async () => {
    const simulator = await startSimulator();
    const socket = connect(Number(new URL(simulator.url).port), '127.0.0.1');
    socket.on('error', () => undefined);
    const socketClosed = once(socket, 'close');
    socket.write('POST /v3/async/txt2img HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{');
    await simulator.submit('txt2img');
    await simulator.close();
    await socketClosed;
  });

  test('can be called twice; later calls of submit() and deliver() reject', async () => {
    const simulator = await startSimulator();
    const { task_id } = await simulator.submit('txt2img');
    await simulator.idle();
    await Promise.all([simulator.close(), simulator.close()]);
    await simulator.close();
    await expect(simulator.submit('txt2img')).rejects.toThrow('the simulator is closed');
    await expect(simulator.deliver(task_id)).rejects.toThrow('the simulator is closed');
    await expect(fetch(simulator.url)).rejects.toThrow();
    expect(simulator.tasks()).toHaveLength(1);
  });

  test('leaves no handle that keeps the process alive', async () => {
    const file = new URL('./support/close-and-exit.ts', import.meta.url);
    const child = spawn(process.execPath, ['--import', 'tsx', fileURLToPath(file)], {
      stdio: 'inherit',
    });
    const [code] = (await once(child, 'exit')) as [number];
    expect(code).toBe(0);
  });
});

test('simulator: survives clients that reset within a request', async () => {
  const simulator = await startSimulator();
  const port = Number(new URL(simulator.url).port);
  const head = 'POST /v3/async/txt2img HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n';
  for (const text of [head, `${head}{"a`, 'POST /v3']) {
    const socket = connect(port, '127.0.0.1');
    await new Promise<void>((resolve) => socket.write(text, () => resolve()));
    socket.resetAndDestroy();
  }
  await expect(simulator.submit('txt2img')).resolves.toBeDefined();
  expect(simulator.tasks()).toHaveLength(1);
});

test('simulator: delivers 500 events within the limit of concurrency', async () => {
  let [now, maxParallel] = [0, 0];
  const receiver = await startReceiver((response) => {
    maxParallel = Math.max(maxParallel, ++now);
    setTimeout(() => {
      now -= 1;
      response.end();
    }, 2);
  });
  const simulator = await startSimulator({ concurrency: 8 });
  const submits = Array.from({ length: 500 }, () =>
    simulator.submit('txt2img', webhook(receiver.url)),
  );
  await Promise.all(submits);
  await simulator.idle();
  expect(new Set(simulator.deliveries().map(({ taskId }) => taskId)).size).toBe(500);
  expect(simulator.deliveries().every(({ answer }) => 'status' in answer)).toBe(true);
  expect(receiver.received).toHaveLength(500);
  expect(maxParallel).toBeLessThanOrEqual(8);
  expect(maxParallel).toBeGreaterThan(1);
});

test('tasks() and deliveries() return snapshots', async () => {
  const [simulator, receiver] = [await startSimulator({ taskMs: 1000 }), await startReceiver()];
  await simulator.submit('txt2img', webhook(receiver.url));
  const [tasks, deliveries] = [simulator.tasks(), simulator.deliveries()];
  await simulator.idle();
  expect(tasks).toMatchObject([{ status: 'TASK_STATUS_QUEUED', event: undefined, copies: 0 }]);
  expect(deliveries).toEqual([]);
  expect(simulator.tasks()).toMatchObject([{ status: 'TASK_STATUS_SUCCEED', copies: 1 }]);
});
