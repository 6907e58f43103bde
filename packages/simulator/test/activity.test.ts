import { expect, onTestFinished, test } from 'vitest';

import type { Activity } from '../src/index.ts';
import { answerWith, post, startReceiver, startSimulator, webhook } from './support/setup.ts';

/** Describes an activity in one line. */
const describe = (activity: Activity): string => {
  if (activity.type === 'rejected') return `rejected ${activity.request.reason}`;
  if (activity.type === 'task') {
    const { status, eventState, progressPercent, attempts } = activity.task;
    return [status.slice(12), eventState, progressPercent, attempts].join(' ');
  }
  const { attempt, answer, nextAttemptAt } = activity.delivery;
  const outcome = 'status' in answer ? answer.status : answer.error;
  return `attempt ${attempt}: ${outcome}, ${nextAttemptAt === undefined ? 'the last' : 'a retry follows'}`;
};

test('subscribe: reports each change of a task, each delivery and each rejected request', async () => {
  const receiver = await startReceiver(answerWith(503, 200));
  const simulator = await startSimulator();
  const lines: string[] = [];
  const unsubscribe = simulator.subscribe((activity) => lines.push(describe(activity)));
  await post(`${simulator.url}/v3/async/txt2img`, '[]');
  await simulator.submit('txt2img', webhook(receiver.url));
  await simulator.idle();
  expect(lines).toEqual([
    'rejected INVALID_REQUEST_BODY',
    'QUEUED waiting 0 0',
    'PROCESSING waiting 99 0',
    'SUCCEED waiting 100 0',
    'SUCCEED delivering 100 0',
    'attempt 1: 503, a retry follows',
    'SUCCEED retrying 100 1',
    'SUCCEED delivering 100 1',
    'attempt 2: 200, the last',
    'SUCCEED acknowledged 100 2',
  ]);
  unsubscribe();
  await simulator.submit('txt2img');
  expect(lines).toHaveLength(10);
});

test('subscribe: an error of a listener becomes a process warning, and others are called', async () => {
  const warnings: Error[] = [];
  const listener = (warning: Error): void => void warnings.push(warning);
  process.on('warning', listener);
  onTestFinished(() => void process.off('warning', listener));
  const simulator = await startSimulator();
  const seen: Activity[] = [];
  simulator.subscribe(() => {
    throw new Error('from a listener');
  });
  simulator.subscribe((activity) => seen.push(activity));
  await simulator.submit('txt2img');
  await expect.poll(() => warnings.map(({ message }) => message)).toContain('from a listener');
  expect(seen).not.toEqual([]);
});

test('no token is in what the simulator returns, and what it sends is unchanged', async () => {
  const secret = 'a-secret-of-the-url';
  const receiver = await startReceiver((response) => response.end(`no ${secret}`));
  const url = receiver.url.replace('abc', secret);
  const seen: unknown[] = [];
  const simulator = await startSimulator({
    onTask: (task) => seen.push(task),
    onDelivery: (delivery) => seen.push(delivery),
    plan: (submission) => {
      seen.push(submission);
      return undefined;
    },
  });
  simulator.subscribe((activity) => seen.push(activity));
  const plan = { status: 'TASK_STATUS_FAILED', reason: `refused ${url}` } as const;
  const { task_id } = await simulator.submit('txt2img', webhook(url), plan);
  await simulator.submit('/v3/video/create', { callback_url: url });
  await simulator.idle();
  seen.push(await simulator.deliver(task_id), await simulator.redeliver(task_id));
  seen.push(simulator.tasks(), simulator.task(task_id), simulator.deliveries(), simulator.report());
  expect(JSON.stringify(seen)).not.toContain(secret);
  expect(JSON.stringify(seen)).toContain('token=[redacted]');
  const paths = new Set(receiver.received.map(({ path }) => path));
  expect([...paths]).toEqual([`/hook?token=${secret}`]);
  expect(receiver.received[0]?.body).toContain(secret); // Novita repeats the URL in extra.webhook
});

test('redeliver: an event that found no listener is kept, and is sent again with retries', async () => {
  const receiver = await startReceiver(answerWith(500, 200));
  const simulator = await startSimulator({ retry: { maxRetries: 1, delayMs: () => 1 } });
  const gone = 'http://127.0.0.1:1/hook';
  const { task_id } = await simulator.submit('txt2img', webhook(gone));
  await simulator.idle();
  expect(simulator.tasks()).toMatchObject([{ eventState: 'unacknowledged', attempts: 2 }]);
  expect(simulator.report()).toMatchObject({
    events: { unacknowledged: 1 },
    deliveries: { byFailure: { connection: 2 } },
    unacknowledged: [task_id],
  });
  await simulator.redeliver(task_id);
  expect(simulator.task(task_id)).toEqual(simulator.tasks()[0]);
  expect(simulator.task(task_id)).toMatchObject({ eventState: 'unacknowledged', attempts: 4 });
  expect(simulator.task('another id')).toBeUndefined();
  const other = await simulator.submit('txt2img', webhook(receiver.url), { dropDelivery: true });
  await simulator.idle();
  expect(simulator.report().dropped).toEqual([other.task_id]);
  await simulator.redeliverAll();
  expect(simulator.tasks().map(({ eventState }) => eventState)).toEqual([
    'unacknowledged',
    'acknowledged',
  ]);
  expect(receiver.received).toHaveLength(2);
});

test('settings: has the faults, the seed and the delays of retries', async () => {
  const delays = { maxRetries: 2, delayMs: (retry: number) => retry };
  const simulator = await startSimulator({ faults: { drop: 0.5 }, seed: 7, retry: delays });
  expect(simulator.settings()).toEqual({
    ...{ seed: 7, nextFaults: [], retryDelaysMs: [1, 2] },
    faults: { drop: { probability: 0.5 } },
  });
});

test('deliver: origin sends the same URL to another process', async () => {
  const [simulator, other] = [await startSimulator(), await startReceiver()];
  const { task_id } = await simulator.submit('txt2img', webhook('http://127.0.0.1:1/hook?token=x'));
  await simulator.idle();
  await simulator.deliver(task_id, { origin: new URL(other.url).origin });
  expect(other.received.map(({ path }) => path)).toEqual(['/hook?token=x']);
  await expect(simulator.deliver(task_id, { origin: 'http://example.com' })).rejects.toThrow(
    'simulator: deliver.origin: example.com is not a loopback host',
  );
});

test('breakNext: the next delivery has the fault, and its retry has not', async () => {
  const [simulator, receiver] = [await startSimulator(), await startReceiver()];
  simulator.breakNext();
  simulator.breakNext('truncate');
  expect(simulator.settings().nextFaults).toEqual(['reset', 'truncate']);
  await simulator.submit('txt2img', webhook(receiver.url));
  await simulator.idle();
  expect(simulator.settings().nextFaults).toEqual([]);
  const message = 'the simulator broke the connection: fault reset';
  expect(simulator.deliveries()).toMatchObject([
    { attempt: 1, faults: ['reset'], answer: { error: 'connection', message } },
    { attempt: 2, faults: ['truncate'], answer: { status: 200 } },
  ]);
  expect(receiver.received).toHaveLength(1);
  expect(() => simulator.breakNext('drop' as 'reset')).toThrow(
    /^simulator: fault: must be "slow" or "drip"/,
  );
});

test('redeliver: an event that was acknowledged once stays so', async () => {
  const receiver = await startReceiver(answerWith(200, 500));
  const simulator = await startSimulator({ retry: { maxRetries: 1, delayMs: () => 1 } });
  const { task_id } = await simulator.submit('txt2img', webhook(receiver.url));
  await simulator.idle();
  const { answer } = await simulator.redeliver(task_id);
  expect(answer).toMatchObject({ status: 500 });
  expect(simulator.tasks()).toMatchObject([{ eventState: 'acknowledged', attempts: 3 }]);
  expect(simulator.report().unacknowledged).toEqual([]);
});
