import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

import { answerWith, receive, simulate, webhook } from './support/setup.ts';

describe('idle()', () => {
  test('resolves at once when there is nothing to wait for', async () => {
    await (await simulate()).idle();
  });

  test('waits for tasks, repeats, duplicates and deliveries by hand', async () => {
    const receiver = await receive(answerWith(500, 500, 200));
    const simulator = await simulate({ taskMs: 40, retry: { delayMs: () => 40 } });
    await simulator.submit('txt2img', webhook(receiver.url), { duplicates: 1 });
    await simulator.idle();
    expect(receiver.received).toHaveLength(4);
    const byHand = simulator.deliver(simulator.tasks()[0]?.id ?? '');
    await simulator.idle();
    expect(simulator.deliveries()).toHaveLength(5);
    await byHand;
  });
});

describe('close()', () => {
  test('drops running tasks', async () => {
    const [simulator, receiver] = [await simulate({ taskMs: 50 }), await receive()];
    await simulator.submit('txt2img', webhook(receiver.url));
    await simulator.close();
    await new Promise((resolve) => setTimeout(resolve, 80));
    expect(receiver.received).toEqual([]);
    expect(simulator.tasks()).toMatchObject([{ finishedAt: undefined }]);
  });

  test('ends deliveries that hang, and records them', async () => {
    const receiver = await receive(() => undefined);
    const simulator = await simulate();
    await simulator.submit('txt2img', webhook(receiver.url), { parallelCopies: 3 });
    await expect.poll(() => receiver.received.length).toBe(3);
    const began = performance.now();
    await simulator.close();
    expect(performance.now() - began).toBeLessThan(500);
    expect(simulator.deliveries()).toHaveLength(3);
    for (const { answer } of simulator.deliveries()) {
      expect(answer).toEqual({ error: 'closed', message: 'the simulator was closed' });
    }
  });

  test('drops repeats and what waits for a slot', async () => {
    const receiver = await receive((response, count) => {
      if (count === 1) response.writeHead(500).end();
    });
    const simulator = await simulate({ concurrency: 1, retry: { delayMs: () => 60_000 } });
    await simulator.submit('txt2img', webhook(receiver.url));
    await expect.poll(() => simulator.deliveries().length).toBe(1);
    await simulator.submit('txt2img', webhook(receiver.url), { parallelCopies: 5 });
    await expect.poll(() => receiver.received.length).toBe(2);
    const byHand = simulator.deliver(simulator.tasks()[0]?.id ?? '');
    const refused = expect(byHand).rejects.toThrow('the simulator was closed');
    await simulator.close();
    await refused;
    expect(simulator.deliveries()).toHaveLength(2);
    await simulator.idle();
  });

  test('hangs up on clients in the middle of a request', async () => {
    const simulator = await simulate();
    const socket = connect(Number(new URL(simulator.url).port), '127.0.0.1');
    socket.on('error', () => undefined);
    const hungUp = once(socket, 'close');
    socket.write('POST /v3/async/txt2img HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{');
    await simulator.submit('txt2img');
    await simulator.close();
    await hungUp;
  });

  test('may be called again, and nothing works afterwards', async () => {
    const simulator = await simulate();
    const { task_id } = await simulator.submit('txt2img');
    await simulator.idle();
    await Promise.all([simulator.close(), simulator.close()]);
    await simulator.close();
    await expect(simulator.submit('txt2img')).rejects.toThrow('the simulator is closed');
    await expect(simulator.deliver(task_id)).rejects.toThrow('the simulator is closed');
    await expect(fetch(simulator.url)).rejects.toThrow();
    expect(simulator.tasks()).toHaveLength(1);
  });

  test('leaves nothing that keeps the process alive', async () => {
    const file = new URL('./support/close-and-exit.ts', import.meta.url);
    const child = spawn(process.execPath, ['--import', 'tsx', fileURLToPath(file)], {
      stdio: 'inherit',
    });
    const [code] = (await once(child, 'exit')) as [number];
    expect(code).toBe(0);
  });
});

test('clients that vanish in the middle of a request do no harm', async () => {
  const simulator = await simulate();
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

test('hundreds of tasks are delivered, few at a time', async () => {
  let [now, most] = [0, 0];
  const receiver = await receive((response) => {
    most = Math.max(most, ++now);
    setTimeout(() => {
      now -= 1;
      response.end();
    }, 2);
  });
  const simulator = await simulate({ concurrency: 8 });
  const submits = Array.from({ length: 500 }, () =>
    simulator.submit('txt2img', webhook(receiver.url)),
  );
  await Promise.all(submits);
  await simulator.idle();
  expect(new Set(simulator.deliveries().map(({ taskId }) => taskId)).size).toBe(500);
  expect(simulator.deliveries().every(({ answer }) => 'status' in answer)).toBe(true);
  expect(receiver.received).toHaveLength(500);
  expect(most).toBeLessThanOrEqual(8);
  expect(most).toBeGreaterThan(1);
});

test('what tasks() and deliveries() gave does not change later', async () => {
  const [simulator, receiver] = [await simulate({ taskMs: 1000 }), await receive()];
  await simulator.submit('txt2img', webhook(receiver.url));
  const [tasks, deliveries] = [simulator.tasks(), simulator.deliveries()];
  await simulator.idle();
  expect(tasks).toMatchObject([{ status: 'TASK_STATUS_QUEUED', event: undefined, copies: 0 }]);
  expect(deliveries).toEqual([]);
  expect(simulator.tasks()).toMatchObject([{ status: 'TASK_STATUS_SUCCEED', copies: 1 }]);
});
