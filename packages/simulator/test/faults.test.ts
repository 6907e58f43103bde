import { describe, expect, test } from 'vitest';

import type { Faults, Simulator, TaskEvent } from '../src/index.ts';
import { faultNames } from '../src/faults.ts';
import { startReceiver, startSimulator, webhook } from './support/setup.ts';

const everything: Faults = Object.fromEntries(faultNames.map((name) => [name, 0.3]));

/** Faults of all tasks and deliveries, in an order that does not depend on which POST ended first. */
const faultsOf = (simulator: Simulator): unknown => {
  const numbers = new Map(simulator.tasks().map(({ id, number }) => [id, number]));
  return {
    tasks: simulator.tasks().map(({ number, faults }) => [number, ...faults]),
    deliveries: simulator
      .deliveries()
      .map(({ taskId, copy, attempt, faults }) =>
        [numbers.get(taskId), copy, attempt, ...faults].join(' '),
      )
      .toSorted(),
  };
};

const run = async (faults: Faults, seed: number, tasks = 1, at = ''): Promise<Simulator> => {
  const url = at === '' ? (await startReceiver()).url : at;
  const simulator = await startSimulator({ faults, seed });
  for (let n = 0; n < tasks; n += 1) await simulator.submit('txt2img', webhook(url));
  await simulator.idle();
  return simulator;
};

describe('seed', () => {
  const quick: Faults = {
    ...everything,
    ...{ delay: { probability: 0.3, ms: 5 }, reorder: { probability: 0.3, ms: 20 } },
    ...{ slow: { probability: 0.3, ms: 5 }, drip: { probability: 0.3, ms: 16 } },
  };

  test('the same seed and the same submits have the same faults', async () => {
    const [one, two, other] = [
      await run(quick, 7, 30),
      await run(quick, 7, 30),
      await run(quick, 8, 30),
    ];
    expect(faultsOf(one)).toEqual(faultsOf(two));
    expect(faultsOf(one)).not.toEqual(faultsOf(other));
    expect(Object.keys(one.report().faults).toSorted()).toEqual([...faultNames].toSorted());
  });

  test('report() has the seed that was drawn', async () => {
    const first = await startSimulator();
    const { seed } = first.report();
    const url = (await startReceiver()).url;
    const runs = [await run({ drop: 0.5 }, seed, 20, url), await run({ drop: 0.5 }, seed, 20, url)];
    expect(runs[0]?.report().events).toEqual(runs[1]?.report().events);
    expect((await startSimulator()).report().seed).not.toBe(seed);
  });

  test('durations with a range are drawn from it', async () => {
    const simulator = await startSimulator({ taskMs: [1000, 2000], queueMs: [0, 500], seed: 1 });
    for (let n = 0; n < 10; n += 1) await simulator.submit('txt2img');
    const plans = simulator.tasks().map(({ plan }) => plan);
    for (const { taskMs, queueMs } of plans) {
      expect(taskMs).toBeGreaterThanOrEqual(1000);
      expect(taskMs).toBeLessThanOrEqual(2000);
      expect(queueMs).toBeLessThanOrEqual(500);
    }
    expect(new Set(plans.map(({ taskMs }) => taskMs)).size).toBeGreaterThan(5);
  });
});

describe('fault of an event', () => {
  test('drop: the event is not sent, and the task result exists', async () => {
    const simulator = await run({ drop: 1 }, 1);
    expect(simulator.deliveries()).toEqual([]);
    expect(simulator.tasks()).toMatchObject([{ eventState: 'dropped', faults: ['drop'] }]);
  });

  test('duplicate and concurrent: add copies to those of the plan', async () => {
    const receiver = await startReceiver();
    const faults: Faults = { duplicate: { copies: 2 }, concurrent: 1 };
    const simulator = await startSimulator({ faults });
    await simulator.submit('txt2img', webhook(receiver.url), { duplicates: 1 });
    await simulator.idle();
    const kinds = simulator.deliveries().map(({ kind }) => kind);
    expect(kinds.toSorted()).toEqual(['duplicate', 'duplicate', 'duplicate', 'main', 'parallel']);
  });

  test('delay: the first attempt waits', async () => {
    const receiver = await startReceiver();
    const simulator = await startSimulator({ faults: { delay: { ms: 300 } } });
    const startMs = performance.now();
    await simulator.submit('txt2img', webhook(receiver.url));
    await simulator.idle();
    expect((receiver.received[0]?.at ?? 0) - startMs).toBeGreaterThan(290);
  });

  test('reorder: an event waits until a later one was sent', async () => {
    const receiver = await startReceiver();
    const simulator = await startSimulator();
    const held = { faults: { reorder: { ms: 60_000 } } };
    const first = await simulator.submit('txt2img', webhook(receiver.url), held);
    await expect.poll(() => simulator.tasks()[0]?.event).toBeDefined();
    const second = await simulator.submit('txt2img', webhook(receiver.url));
    await simulator.idle();
    const ids = simulator.deliveries().map(({ taskId }) => taskId);
    expect(ids).toEqual([second.task_id, first.task_id]);
  });

  test('reorder: the last event is sent after the time is over', async () => {
    const simulator = await run({ reorder: { ms: 5 } }, 1);
    expect(simulator.tasks()).toMatchObject([{ eventState: 'acknowledged' }]);
  });

  test('close() ends tasks whose event is held back', async () => {
    const simulator = await startSimulator({ faults: { reorder: { ms: 60_000 } } });
    await simulator.submit('txt2img', webhook((await startReceiver()).url));
    await expect.poll(() => simulator.tasks()[0]?.event).toBeDefined();
    await simulator.close();
    expect(simulator.deliveries()).toEqual([]);
  });

  test('flip: an event with the opposite status follows; the task result keeps the first', async () => {
    const receiver = await startReceiver();
    const simulator = await run({ flip: 1 }, 1, 1, receiver.url);
    const [event, flipped] = receiver.received.map(({ body }) => JSON.parse(body) as TaskEvent);
    expect(event?.payload.task.status).toBe('TASK_STATUS_SUCCEED');
    expect(flipped?.payload.task).toMatchObject({
      task_id: event?.payload.task.task_id,
      status: 'TASK_STATUS_FAILED',
      reason: 'model load failed',
    });
    expect(simulator.deliveries().map(({ kind }) => kind)).toEqual(['main', 'flip']);
    expect(simulator.tasks()[0]?.status).toBe('TASK_STATUS_SUCCEED');
  });

  test('drift: changes the form of a body and not its meaning', async () => {
    const receiver = await startReceiver();
    await run({ drift: 1 }, 1, 1, receiver.url);
    const { payload } = JSON.parse(receiver.received[0]?.body ?? '') as TaskEvent;
    expect(payload).toMatchObject({
      new_field: {},
      task: { status: 'TASK_STATUS_SUCCEED', progress_percent: '0', new_field: {} },
      images: [{ image_url_ttl: 3600, new_field: {} }],
      videos: null,
      audios: null,
    });
  });
});

describe('fault of a POST', () => {
  test('attempts: only the first attempts have it', async () => {
    const simulator = await run({ reset: { attempts: 2 } }, 1);
    expect(simulator.deliveries().map(({ faults }) => faults)).toEqual([['reset'], ['reset'], []]);
    expect(simulator.tasks()).toMatchObject([{ eventState: 'acknowledged', attempts: 3 }]);
  });

  test('truncate: sends half of the body with its length', async () => {
    const receiver = await startReceiver();
    const simulator = await run({ truncate: { attempts: 1 } }, 1, 1, receiver.url);
    const [body, headers] = [receiver.received[0]?.body ?? '', receiver.received[0]?.headers];
    expect(() => JSON.parse(body) as unknown).toThrow();
    expect(headers?.['content-length']).toBe(String(body.length));
    expect(simulator.deliveries()).toMatchObject([{ answer: { status: 200 } }]);
  });

  test('contentType: sends another one, or none', async () => {
    const receiver = await startReceiver();
    await run({ contentType: 1 }, 3, 12, receiver.url);
    const types = receiver.received.map(({ headers }) => headers['content-type']);
    expect(new Set(types).size).toBeGreaterThan(1);
    expect(types).not.toContain('application/json');
    expect(types).toContain(undefined);
  });

  test.each(['slow', 'drip'] as const)('%s: sends the whole body over time', async (name) => {
    const receiver = await startReceiver();
    const simulator = await run({ [name]: { ms: 200 } }, 1, 1, receiver.url);
    expect(simulator.deliveries()[0]?.durationMs).toBeGreaterThan(150);
    expect(() => JSON.parse(receiver.received[0]?.body ?? '') as unknown).not.toThrow();
  });

  test('slow: counts in the time limit of a delivery', async () => {
    const receiver = await startReceiver();
    const simulator = await startSimulator({
      deliveryTimeoutMs: 100,
      faults: { slow: { ms: 30_000, attempts: 1 } },
    });
    await simulator.submit('txt2img', webhook(receiver.url));
    await simulator.idle();
    expect(simulator.deliveries()).toMatchObject([
      { answer: { error: 'timeout' } },
      { answer: { status: 200 } },
    ]);
  });

  test('close() ends a POST that drips', async () => {
    const simulator = await startSimulator({ faults: { drip: { ms: 60_000 } } });
    await simulator.submit('txt2img', webhook((await startReceiver()).url));
    await expect.poll(() => simulator.tasks()[0]?.eventState).toBe('delivering');
    await simulator.close();
    expect(simulator.deliveries()).toMatchObject([{ answer: { error: 'closed' } }]);
  });
});

test('a plan overrides faults of the simulator by name', async () => {
  const simulator = await startSimulator({ faults: { drop: 1, flip: 1 } });
  const body = { extra: { ...webhook((await startReceiver()).url), simulator: {} } };
  await simulator.submit('txt2img', body, { faults: { drop: 0 } });
  await simulator.submit('txt2img', {
    extra: { simulator: { faults: { drop: { probability: 0 } } } },
  });
  expect(simulator.tasks().map(({ plan }) => plan.faults)).toEqual([
    { drop: { probability: 0 }, flip: { probability: 1 } },
    { drop: { probability: 0 }, flip: { probability: 1 } },
  ]);
});
