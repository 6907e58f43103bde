import {
  createTaskResultClient,
  memoryInbox,
  PermanentError,
  WebhookError,
  type DeadLetter,
  type HandlersFailedError,
  type JsonObject,
  type ReceiverOptions,
  type TaskResult,
  type TaskResultClient,
  type WebhookErrorCode,
} from '@novita-webhooks/core';
import { createSimulator } from '@novita-webhooks/simulator';
import {
  createManualClock,
  createTestEntry,
  delivery,
  sampleEvents,
  TEST_SECRET,
  type SampleEvent,
  type SampleOptions,
} from '@novita-webhooks/testing';
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';

import { createEntryMacs } from '../src/delivery/entry-mac.ts';
import { createSigner } from '../src/callback/signer.ts';
import { codeOf, deferred, noop, SAMPLE_TASK, setUp, track } from './helpers.ts';

const KEY = { endpoint: 'novita', taskId: SAMPLE_TASK };
const event = sampleEvents.imageSucceeded();
const failed = sampleEvents.failed();
const running = sampleEvents.processing();

type Answer = SampleEvent | WebhookErrorCode | Error | (() => Promise<JsonObject>);

/** A Task Result API that gives each of these answers once, the last one from then on. */
function api(...answers: Answer[]) {
  const asked: string[] = [];
  const signals: (AbortSignal | undefined)[] = [];
  const client: TaskResultClient = {
    get: () => expect.unreachable('get is not used'),
    async getPayload(taskId, { signal } = {}) {
      asked.push(taskId);
      signals.push(signal);
      const answer = answers[Math.min(asked.length, answers.length) - 1];
      if (typeof answer === 'string') throw new WebhookError(answer, `the API said ${answer}`);
      if (answer instanceof Error) throw answer;
      if (typeof answer === 'function') return answer();
      return answer?.payload ?? {};
    },
  };
  return { client, asked, signals };
}

interface Run {
  readonly handler: string;
  readonly body: TaskResult;
  readonly testMode: boolean;
  readonly attempt: number;
}

/** A receiver that confirms events, and what its handlers get. */
function confirming(answers: Answer[], options: Partial<ReceiverOptions> = {}) {
  const { client, asked, signals } = api(...answers);
  const made = setUp({ taskResults: client, confirm: true, ...options });
  const { receiver } = made;
  const runs: Run[] = [];
  const letters: Pick<DeadLetter, 'code' | 'reason'>[] = [];
  receiver.onTaskSucceeded((body, { testMode, attempt }) => {
    runs.push({ handler: 'succeeded', body, testMode, attempt });
  });
  receiver.onTaskFailed((body, { testMode, attempt }) => {
    runs.push({ handler: 'failed', body, testMode, attempt });
  });
  receiver.onDeadLetter(({ code, reason }) => letters.push({ code, reason }));
  return { ...made, asked, signals, runs, letters };
}

const imageWith = (url: string, options: SampleOptions = {}): SampleEvent =>
  sampleEvents.imageSucceeded({
    ...options,
    payload: { ...options.payload, images: [{ image_url: url, image_type: 'png' }] },
  });

describe('confirm: handlers', () => {
  test('get the answer of the API, not what the event says', async () => {
    const answer = imageWith('https://a.example/genuine');
    const { settle, asked, runs } = confirming([answer]);
    await settle(imageWith('https://a.example/forged'), { orderId: 42 });
    expect(asked).toEqual([SAMPLE_TASK]);
    expect(runs).toMatchObject([
      { handler: 'succeeded', body: { images: [{ image_url: 'https://a.example/genuine' }] } },
    ]);
    expect(JSON.stringify(runs)).not.toContain('forged');
  });

  test('get it each as a copy of their own, and the time of arrival of the event', async () => {
    const clock = createManualClock();
    const { receiver, deliver } = setUp(
      { taskResults: api('api_unavailable', imageWith('genuine')).client, confirm: true },
      clock,
    );
    const seen: unknown[] = [];
    const arrivedAt = clock.now();
    receiver.onTaskSucceeded((result) => void Object.assign(result.task, { reason: 'changed' }));
    receiver.onTaskSucceeded(({ task, images }, { receivedAt }) =>
      seen.push(task.reason, images[0]?.image_url, receivedAt.getTime()),
    );
    await deliver(event);
    await clock.advance(10_000);
    expect(seen).toEqual(['', 'genuine', arrivedAt]);
  });

  test('get no token that the answer echoes', async () => {
    const token = `nwt1.aaaaaaaa.b.c`;
    const extra = { webhook: { url: `https://hooks.example.com/?token=${token}` } };
    const { settle, runs } = confirming([sampleEvents.imageSucceeded({ payload: { extra } })]);
    await settle(event);
    expect(runs).toHaveLength(1);
    expect(JSON.stringify(runs)).not.toContain('nwt1');
  });

  test('that succeeded do not run again on a retry, which asks again', async () => {
    const { receiver, clock, deliver } = setUp({
      ...{ taskResults: api(event).client, confirm: true, retry: { delay: () => 1000 } },
    });
    const runs: string[] = [];
    receiver.onTaskSucceeded({ handlerName: 'first' }, () => runs.push('first'));
    receiver.onTaskSucceeded({ handlerName: 'second' }, (_, { attempt }) => {
      runs.push('second');
      if (attempt === 1) throw new Error('no');
    });
    await deliver(event);
    await clock.advance(1000);
    expect(runs).toEqual(['first', 'second', 'second']);
  });

  test('keep their successes while a retry waits for the API', async () => {
    const { client, asked } = api(event, 'api_unavailable', event);
    const { receiver, clock, deliver } = setUp({
      ...{ taskResults: client, confirm: true, retry: { delay: () => 1000 } },
    });
    const runs: unknown[] = [];
    receiver.onTaskSucceeded({ handlerName: 'first' }, () => runs.push('first'));
    receiver.onTaskSucceeded({ handlerName: 'second' }, (_, { attempt }) => {
      runs.push(attempt);
      if (attempt === 1) throw new Error('no');
    });
    await deliver(event);
    await clock.advance(10_000);
    expect(runs).toEqual(['first', 1, 2]);
    expect(asked).toHaveLength(3);
  });
});

describe('confirm: an unknown task', () => {
  test('becomes a dead letter with the reason unconfirmed and the code of the error', async () => {
    const { settle, runs, letters, receiver, log } = confirming(['task_not_found']);
    await settle(event);
    expect(runs).toEqual([]);
    expect(letters).toEqual([
      {
        code: 'unconfirmed',
        reason:
          'unconfirmed: the API said task_not_found (task_not_found). The event may be forged. If it is not, ' +
          'replay the entry when the Task Result API knows the task.',
      },
    ]);
    expect([log.messages('error'), log.messages('warn')]).toEqual([
      [],
      [expect.stringContaining('dead letter')],
    ]);
    expect(await receiver.inbox.get(KEY)).toMatchObject({
      state: 'dead',
      attempts: 1,
      attemptLog: [{ outcome: 'dead', errors: [{ handler: 'confirm', code: 'task_not_found' }] }],
    });
  });

  test('is asked about again when it is replayed', async () => {
    const { settle, runs, receiver, clock } = confirming(['task_not_found', event]);
    await settle(event);
    await receiver.inbox.replay(KEY);
    await clock.flush();
    expect(runs).toHaveLength(1);
  });

  test('whose answer does not fit the schema becomes one too', async () => {
    const { settle, runs, letters } = confirming([sampleEvents.schemaError()]);
    await settle(event);
    expect(runs).toEqual([]);
    expect(letters).toMatchObject([
      { reason: expect.stringMatching(/^unconfirmed: .*schema.*\(invalid_result\)/) as string },
    ]);
  });

  test('is not asked about if its own event does not fit the schema', async () => {
    const { settle, asked, letters } = confirming([event]);
    await settle(sampleEvents.schemaError());
    expect([asked, letters]).toMatchObject([[], [{ code: 'invalid_result' }]]);
  });
});

test('confirm: an event that takes the place of an expectation is asked about', async () => {
  const { receiver, settle, asked, runs, letters } = confirming(['task_not_found']);
  await receiver.expect(SAMPLE_TASK);
  await settle(event);
  expect([asked, runs, letters.length]).toEqual([[SAMPLE_TASK], [], 1]);
});

describe('confirm: an entry waits, and no attempt is counted', () => {
  test.each<[string, Answer]>([
    ['the API is down', 'api_unavailable'],
    ['the API limits the rate', 'api_rate_limited'],
    ['the key is rejected', 'api_key_rejected'],
    ['the API answers with something else', 'invalid_result'],
    ['the client fails', new TypeError('broken')],
    ['the API says that the task still runs', running],
  ])('if %s', async (_name, answer) => {
    const { deliver, runs, receiver, clock, asked, log, letters } = confirming([
      ...Array.from({ length: 10 }, () => answer),
      event,
    ]);
    await deliver(event);
    await clock.advance(1000);
    expect(await receiver.inbox.get(KEY)).toMatchObject({ state: 'pending', attempts: 0 });
    expect(log.messages('warn')).toEqual([expect.stringContaining('so the entry waits')]);
    for (let minute = 0; minute < 30; minute += 1) await clock.advance(60_000);
    expect(asked).toHaveLength(11);
    expect(runs).toMatchObject([{ attempt: 1 }]);
    expect(letters).toEqual([]);
    expect((await receiver.stats()).outcomes).toMatchObject({ done: 1, released: 10 });
  });

  test('ever longer, up to 5 minutes', async () => {
    const clock = createManualClock();
    const times: number[] = [];
    const fail = () => {
      times.push(clock.now());
      return Promise.reject(new WebhookError('api_unavailable', 'down'));
    };
    const { deliver } = confirming([fail], { clock });
    await deliver(event);
    await clock.advance(3_600_000);
    const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    expect(times.length).toBeGreaterThan(15);
    expect(times.length).toBeLessThan(40);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(300_000);
    expect(Math.min(...gaps.slice(-3))).toBeGreaterThanOrEqual(200_000);
    expect(Math.max(...gaps.slice(0, 2))).toBeLessThanOrEqual(3000);
  });

  test('with a warning that is rolled up on every logger', async () => {
    const { deliver, clock, log } = confirming(['api_unavailable']);
    for (let task = 0; task < 20; task += 1) {
      await deliver(sampleEvents.imageSucceeded({ taskId: `task-${task}` }));
    }
    await clock.advance(1500);
    expect(log.messages('warn')).toHaveLength(1);
    const [line] = log.lines.filter(({ level }) => level === 'warn');
    expect(line?.details).toMatchObject({
      taskId: 'task-0',
      delayMs: expect.any(Number) as number,
    });
    expect(line?.details['error']).toContain('api_unavailable');
  });
});

describe('confirm: an entry that waits for 7 days', () => {
  /** Adds an event of a week ago. */
  async function addOld(made: ReturnType<typeof confirming>): Promise<void> {
    const receivedAt = made.clock.now() - 7 * 24 * 3_600_000;
    const body = JSON.stringify(event.payload);
    const status = 'TASK_STATUS_SUCCEED';
    await made.receiver.inbox.add(createTestEntry({ ...KEY, status, body, receivedAt }));
    made.receiver.start();
    await made.clock.advance(1000);
  }

  test.each<[string, Answer, RegExp]>([
    ['the task still runs', running, /^unconfirmed: .*TASK_STATUS_PROCESSING.* 7 days/],
    ['the answer is not of the task', 'invalid_result', /^unconfirmed: .*invalid_result.* 7 days/],
    ['the client fails', new TypeError('broken'), /^unconfirmed: .*broken.* 7 days/],
  ])('becomes a dead letter if %s', async (_name, answer, reason) => {
    const made = confirming([answer]);
    await addOld(made);
    expect(await made.receiver.inbox.get(KEY)).toMatchObject({ state: 'dead' });
    expect(made.letters).toEqual([
      { code: 'unconfirmed', reason: expect.stringMatching(reason) as string },
    ]);
    expect(made.runs).toEqual([]);
  });

  test.each<WebhookErrorCode>(['api_unavailable', 'api_rate_limited', 'api_key_rejected'])(
    'waits on after %s: that is no fault of the event',
    async (answer) => {
      const made = confirming([answer, event]);
      await addOld(made);
      expect(await made.receiver.inbox.get(KEY)).toMatchObject({ state: 'pending', attempts: 0 });
      await made.clock.advance(300_000);
      expect(made.runs).toHaveLength(1);
    },
  );
});

describe('confirm: an outage of the API', () => {
  const HOUR_MS = 3_600_000;
  const findings = async ({ receiver }: ReturnType<typeof confirming>) =>
    (await receiver.check({ request: false })).filter(({ code }) => code === 'results_waiting');

  test('shows what waits, why and for how long: in the entry, check(), stats() and the log', async () => {
    let isUp = false;
    const ask = () =>
      isUp
        ? Promise.resolve(event.payload)
        : Promise.reject(new WebhookError('api_key_rejected', 'the API said 401'));
    const made = confirming([ask]);
    const { receiver, clock, deliver, runs, log } = made;
    expect([await findings(made), (await receiver.stats()).apiDownMs]).toEqual([[], null]);
    await receiver.expect(SAMPLE_TASK);
    await deliver(event); // takes the place of the expectation, and of its deadline
    await clock.advance(60_000);
    const reason = 'waiting for the Task Result API: the API said 401 (api_key_rejected)';
    const waits = { state: 'pending', attempts: 0, source: 'delivery', reason };
    expect(await receiver.inbox.get(KEY)).toMatchObject(waits);
    expect(await findings(made)).toMatchObject([{ level: 'warn' }]);
    expect(log.messages('error')).toEqual([]);
    await clock.advance(HOUR_MS + 300_000);
    expect(await receiver.inbox.get(KEY)).toMatchObject(waits);
    const [finding] = await findings(made);
    expect(finding?.level).toBe('error');
    for (const part of ['1 result waits', '66 min', SAMPLE_TASK, 'api_key_rejected', 'apiKey'])
      expect(finding?.message).toContain(part);
    expect((await receiver.stats()).apiDownMs).toBeGreaterThan(HOUR_MS);
    const errors = log.lines.filter(({ level }) => level === 'error');
    expect(errors.length).toBeGreaterThan(0);
    for (const { details } of errors) expect(details['apiDownMs']).toBeGreaterThanOrEqual(HOUR_MS);
    isUp = true;
    await clock.advance(300_000);
    expect(runs).toHaveLength(1);
    expect(await receiver.inbox.get(KEY)).toMatchObject({ state: 'done', reason: null });
    expect([await findings(made), (await receiver.stats()).apiDownMs]).toEqual([[], null]);
  });

  test('ends with an answer about any task, and is forgotten when nothing waits', async () => {
    const { receiver, deliver, clock } = confirming(['api_unavailable', 'task_not_found', event]);
    await deliver(event);
    await clock.advance(1);
    expect((await receiver.stats()).apiDownMs).not.toBeNull();
    await deliver(sampleEvents.imageSucceeded({ taskId: 'another' }));
    await clock.advance(1);
    expect((await receiver.stats()).apiDownMs).toBeNull();
    const quiet = confirming(['api_unavailable']);
    await quiet.deliver(event);
    await quiet.clock.advance(1);
    await quiet.receiver.inbox.discard(KEY);
    await quiet.clock.advance(16 * 60_000);
    expect((await quiet.receiver.stats()).apiDownMs).toBeNull();
  });

  test('is also that of a client which never answers', async () => {
    const { receiver, deliver, clock } = confirming([() => new Promise(noop)]);
    await deliver(event);
    await clock.advance(2 * 60_000);
    await clock.advance(1000);
    expect((await receiver.stats()).apiDownMs).not.toBeNull();
  });

  test('is none if the task still runs: a sender can cause that, so it is no error', async () => {
    const { deliver, clock, log, receiver } = confirming([running]);
    await deliver(event);
    await clock.advance(HOUR_MS + 300_000);
    expect(log.messages('error')).toEqual([]);
    const { reason } = (await receiver.inbox.get(KEY)) ?? {};
    expect(reason).toBe('waiting for the Task Result API: it says TASK_STATUS_PROCESSING');
    expect((await receiver.stats()).apiDownMs).toBeNull();
  });
});

describe('confirm: a disagreement in the status', () => {
  test.each([
    [event, failed, 'failed'],
    [failed, event, 'succeeded'],
  ])(
    'gives handlers the status of the API, and is counted and warned of',
    async (said, api, to) => {
      const { settle, runs, receiver, log } = confirming([api]);
      await settle(said);
      expect(runs).toMatchObject([{ handler: to }]);
      expect((await receiver.stats()).disagreements).toBe(1);
      const [attempt] = (await receiver.inbox.get(KEY))?.attemptLog ?? [];
      const status = to === 'failed' ? 'TASK_STATUS_FAILED' : 'TASK_STATUS_SUCCEED';
      const message = expect.stringContaining(`Result API ${status}`) as string;
      const errors = [{ handler: 'confirm', code: 'disagreement', message }];
      expect(attempt).toMatchObject({ outcome: 'done', errors });
      expect(log.messages('warn')).toEqual([
        expect.stringContaining('contradicts the status of an event'),
      ]);
    },
  );

  test('is warned of once per kind', async () => {
    const of = (taskId: string) => sampleEvents.imageSucceeded({ taskId });
    const { settle, receiver, log } = confirming([
      sampleEvents.failed({ taskId: 'a' }),
      sampleEvents.failed({ taskId: 'b' }),
      sampleEvents.imageSucceeded({ taskId: 'c' }),
    ]);
    await settle(of('a'));
    await settle(of('b'));
    await settle(sampleEvents.failed({ taskId: 'c' }));
    expect((await receiver.stats()).disagreements).toBe(3);
    expect(log.messages('warn')).toHaveLength(2);
  });
});

describe('confirm: test mode', () => {
  const testEvent = sampleEvents.testMode();
  const testToken = { testMode: 'TASK_STATUS_SUCCEED' } as const;

  test('that the token signs is not asked about, and is marked', async () => {
    const { receiver, clock, asked, runs } = confirming(['task_not_found']);
    const { url } = await receiver.createCallback(testToken);
    await receiver.handle(delivery(url, testEvent));
    await clock.flush();
    expect([asked, runs.map(({ testMode }) => testMode)]).toEqual([[], [true]]);
  });

  test('is ignored with testEvents: ignore, also if only the API says so', async () => {
    const { receiver, clock, asked, runs, settle } = confirming([testEvent], {
      testEvents: 'ignore',
    });
    const { url } = await receiver.createCallback(testToken);
    expect(codeOf(await receiver.handle(delivery(url, testEvent)))).toBe('ignored');
    await clock.flush();
    expect([asked, runs]).toEqual([[], []]);
    await settle(event);
    expect([asked, runs]).toEqual([[SAMPLE_TASK], []]);
    expect(await receiver.inbox.get(KEY)).toMatchObject({ state: 'done' });
  });

  test('that only the body claims is asked about, and the API decides', async () => {
    const forged = confirming(['task_not_found']);
    await forged.settle(testEvent);
    expect([forged.asked, forged.runs]).toEqual([[SAMPLE_TASK], []]);
    const genuine = confirming([event]);
    await genuine.settle(testEvent);
    expect(genuine.runs).toMatchObject([{ testMode: false }]);
    const simulated = confirming([testEvent]);
    await simulated.settle(testEvent);
    expect(simulated.runs).toMatchObject([{ testMode: true }]);
  });

  test('is asked about by a receiver without tokens', async () => {
    const { receiver, clock, asked, runs } = confirming(['task_not_found'], { insecure: true });
    await receiver.handle(delivery('https://hooks.example.com/novita', testEvent));
    await clock.flush();
    expect([asked, runs]).toEqual([[SAMPLE_TASK], []]);
  });
});

describe('confirm: processEntry and processUnverified', () => {
  const signed = createEntryMacs(createSigner([TEST_SECRET]));
  const entryOf = (changes = {}) =>
    createTestEntry({
      ...KEY,
      status: 'TASK_STATUS_SUCCEED',
      body: JSON.stringify(event.payload),
      ...changes,
    });
  const errorOf = (work: Promise<void>) =>
    work.then(
      () => expect.unreachable('no error'),
      (error: unknown) => error as HandlersFailedError,
    );

  test('give handlers the answer of the API', async () => {
    const { receiver, runs, asked } = confirming([failed]);
    await receiver.processUnverified(event);
    const entry = entryOf();
    await receiver.processEntry({ ...entry, mac: await signed.sign(entry) });
    expect(runs.map(({ handler }) => handler)).toEqual(['failed', 'failed']);
    expect(asked).toHaveLength(2);
  });

  test('reject with the outcome dead if the task is unknown', async () => {
    const { receiver, runs } = confirming(['task_not_found']);
    const error = await errorOf(receiver.processUnverified(event));
    expect(error.outcome).toMatchObject({ type: 'dead' });
    expect(error.message).toMatch(/^unconfirmed: /);
    expect(error.cause).toMatchObject({ code: 'task_not_found' });
    expect(runs).toEqual([]);
  });

  test('reject with the outcome released and a delay while the API is down', async () => {
    const { receiver } = confirming(['api_unavailable']);
    const error = await errorOf(receiver.processUnverified(event));
    expect(error.outcome).toMatchObject({ type: 'released', succeededHandlers: [] });
    expect(error.outcome).toHaveProperty(
      'delayMs',
      expect.toSatisfy((ms: number) => ms > 1000),
    );
    expect(error.message).toContain(
      'not confirmed yet: waiting for the Task Result API: the API said',
    );
    expect(error.cause).toMatchObject({ code: 'api_unavailable' });
  });

  test('ask although a queue says that the sweep or a test token brought the entry', async () => {
    const secure = confirming(['task_not_found']);
    const entry = entryOf({ testMode: true, tokenId: 'nonce' });
    const mac = await signed.sign(entry);
    await errorOf(secure.receiver.processEntry({ ...entry, source: 'sweep', mac }));
    const changed = { ...entry, tokenId: 'test:nonce', mac };
    await expect(secure.receiver.processEntry(changed)).rejects.toMatchObject({
      code: 'unauthorized',
    });
    const insecure = confirming(['task_not_found'], { insecure: true });
    await errorOf(insecure.receiver.processEntry({ ...entry, tokenId: 'test:nonce' }));
    expect([secure.asked, insecure.asked]).toEqual([[SAMPLE_TASK], [SAMPLE_TASK]]);
    expect([...secure.runs, ...insecure.runs]).toEqual([]);
  });

  test('do not ask about an entry whose test token is signed', async () => {
    const { receiver, runs, asked } = confirming(['task_not_found']);
    const entry = entryOf({ testMode: true, tokenId: 'test:nonce' });
    await receiver.processEntry({ ...entry, mac: await signed.sign(entry) });
    expect([asked, runs.length]).toEqual([[], 1]);
  });
});

describe("confirm: ack: 'handled'", () => {
  test('counts the time of asking within the reply timeout', async () => {
    const { deliver, clock } = confirming([() => new Promise(() => undefined)], {
      ack: 'handled',
      limits: { replyTimeoutMs: 500 },
    });
    const reply = track(deliver(event));
    await clock.advance(499);
    expect(reply.settled).toBe(false);
    await clock.advance(1);
    expect(reply.value?.status).toBe(503);
  });

  test('replies 503 at once while the entry waits, and 200 when it was confirmed', async () => {
    const { deliver, clock, runs } = confirming(['api_unavailable', event], { ack: 'handled' });
    const first = track(deliver(event));
    await clock.flush();
    expect(first.value?.status).toBe(503);
    const second = track(deliver(event));
    await clock.flush();
    expect([second.value?.status, runs.length]).toEqual([200, 1]);
  });
});

describe('confirm: close', () => {
  test('does not wait for the API, and leaves the entry to another process', async () => {
    const clock = createManualClock();
    const inbox = memoryInbox({ clock });
    const shared = { ...inbox, close: async () => undefined };
    const { deliver, receiver, signals } = confirming([() => new Promise(() => undefined)], {
      ...{ clock, inbox: shared },
    });
    await deliver(event);
    await clock.flush();
    expect(signals).toHaveLength(1);
    const closed = track(receiver.close({ gracePeriodMs: 60_000 }));
    await clock.flush();
    expect([closed.settled, signals[0]?.aborted]).toEqual([true, true]);
    expect(await inbox.get(KEY)).toMatchObject({ state: 'pending', attempts: 0 });
  });

  test('rejects processUnverified, which asks, as closing', async () => {
    const { receiver, clock } = confirming([() => new Promise(() => undefined)]);
    const work = receiver.processUnverified(event).catch((error: unknown) => error);
    await clock.flush();
    await receiver.close();
    expect(await work).toMatchObject({ outcome: { type: 'released', delayMs: 0 } });
  });

  test('a lost lease ends the asking', async () => {
    const { receiver, signals } = confirming([() => new Promise(() => undefined)]);
    const controller = new AbortController();
    const work = receiver
      .processUnverified(event, { signal: controller.signal })
      .catch((error: unknown) => error);
    controller.abort();
    expect(await work).toMatchObject({ outcome: { type: 'released', delayMs: 0 } });
    expect(signals.filter((signal) => signal?.aborted === false)).toEqual([]);
  });
});

describe('confirm: options', () => {
  test.each<[Partial<ReceiverOptions>, string]>([
    [{ confirm: true }, 'confirm: true needs taskResults'],
    [{ confirm: 'yes' as never, taskResults: api().client }, 'confirm'],
    [{ taskResults: {} as never }, 'taskResults: must be an object with get, getPayload'],
  ])('rejects %j', (options, message) => {
    expect(() => setUp(options)).toThrow(message);
    expect(() => setUp(options)).toThrow(expect.objectContaining({ code: 'invalid_option' }));
  });
});

describe('confirm: fresh links', () => {
  const link = (name: string, date: string) =>
    `https://results.example.com/${name}?X-Amz-Date=${date}&X-Amz-Expires=3600&X-Amz-Signature=0`;
  const expired = imageWith(link('old', '20260301T080000Z'));
  const fresh = imageWith(link('new', '20260301T101500Z'));
  const refreshing = (answers: Answer[], options: Partial<ReceiverOptions> = {}) =>
    confirming(answers, { confirm: false, ...options });
  const linkOf = (run: Run | undefined) => JSON.stringify(run?.body.images);

  test('are asked for before an attempt whose links have expired', async () => {
    const { settle, asked, runs } = refreshing([fresh]);
    await settle(expired);
    expect(asked).toEqual([SAMPLE_TASK]);
    expect(linkOf(runs[0])).toContain('/new');
  });

  test('are not asked for while the links last, or without links', async () => {
    const { settle, asked, runs } = refreshing([fresh]);
    await settle(fresh);
    await settle(sampleEvents.failed({ taskId: 'failed' }));
    await settle(imageWith('https://a.example/forever', { taskId: 'unknown expiry' }));
    expect([asked, runs.length]).toEqual([[], 3]);
  });

  test('are asked for by a retry that comes after the links have expired', async () => {
    const { client, asked } = api(imageWith(link('newer', '20260301T113000Z')));
    const { receiver, clock, deliver } = setUp({
      ...{ taskResults: client, retry: { delay: () => 2 * 3_600_000 } },
    });
    const seen: string[] = [];
    receiver.onTaskSucceeded(({ images }, { attempt, receivedAt }) => {
      seen.push(images[0]?.image_url ?? '', receivedAt.toISOString());
      if (attempt === 1) throw new Error('no');
    });
    await deliver(fresh);
    await clock.advance(2 * 3_600_000);
    expect(asked).toHaveLength(1);
    expect(seen).toEqual([
      expect.stringContaining('/new?'),
      '2026-03-01T10:15:00.000Z',
      expect.stringContaining('/newer'),
      '2026-03-01T10:15:00.000Z',
    ]);
  });

  test.each<[string, Answer]>([
    ['the API is down', 'api_unavailable'],
    ['the task is unknown', 'task_not_found'],
    ['the API gives another status', failed],
    ['the answer does not fit the schema', sampleEvents.schemaError()],
  ])('that cannot be had leave handlers what there is, with one warning: %s', async (_, answer) => {
    const { settle, runs, log, receiver } = refreshing([answer]);
    await settle(expired);
    await settle(imageWith(link('old', '20260301T080000Z'), { taskId: 'second' }));
    expect(runs.map(linkOf)).toEqual(Array(2).fill(expect.stringContaining('/old')));
    expect(log.messages('warn')).toEqual([
      expect.stringContaining('links of a result have expired'),
    ]);
    expect((await receiver.stats()).inbox.done).toBe(2);
  });

  test('are not asked for without taskResults, for test tokens and for corrected bodies', async () => {
    const without = setUp();
    const seen: unknown[] = [];
    without.receiver.onTaskSucceeded((result) => seen.push(result));
    await without.settle(expired);
    expect(seen).toHaveLength(1);
    const { receiver, clock, asked, runs } = refreshing([fresh]);
    const { url } = await receiver.createCallback({ testMode: 'TASK_STATUS_SUCCEED' });
    await receiver.handle(delivery(url, expired));
    await clock.flush();
    const key = { ...KEY, taskId: 'corrected' };
    await receiver.handle(
      delivery(
        (await receiver.createCallback()).url,
        sampleEvents.schemaError({ taskId: 'corrected' }),
      ),
    );
    await clock.flush();
    const body = imageWith(link('old', '20260301T080000Z'), { taskId: 'corrected' }).payload;
    await receiver.inbox.replay(key, { body: JSON.stringify(body) });
    await clock.flush();
    expect([asked, runs.length]).toEqual([[], 2]);
  });

  test('are not waited for by close()', async () => {
    const { deliver, receiver, clock, runs } = refreshing([() => new Promise(() => undefined)]);
    await deliver(expired);
    await clock.flush();
    const closed = track(receiver.close({ gracePeriodMs: 60_000 }));
    await clock.flush();
    expect([closed.settled, runs]).toEqual([true, []]);
  });
});

test('confirm: the API key is in no log line, error, dead letter or figure', async () => {
  const apiKey = 'sk_canary-0123456789';
  const replies: (() => Promise<Response>)[] = [
    () => Promise.reject(Object.assign(new Error(`sent ${apiKey}`), { headers: { apiKey } })),
    async () => new Response(JSON.stringify({ reason: apiKey, message: apiKey }), { status: 403 }),
    async () => new Response(JSON.stringify({ ...event.payload, task: { task_id: apiKey } })),
    async () => new Response(`{"reason":"TASK_NOT_FOUND","message":"${apiKey}"}`, { status: 404 }),
  ];
  let requests = 0;
  const fetch = () => {
    requests += 1;
    return (replies[requests - 1] ?? (() => Promise.reject(new Error('no'))))();
  };
  const clock = createManualClock();
  const client = createTaskResultClient({ apiKey, fetch, clock, retry: { maxAttempts: 1 } });
  const { receiver, settle, log } = setUp({ taskResults: client, confirm: true }, clock);
  const letters: unknown[] = [];
  receiver.onTaskSucceeded(noop);
  receiver.onDeadLetter((letter) => letters.push(letter));
  await settle(event);
  await clock.advance(60_000);
  expect([requests, letters.length]).toEqual([4, 1]);
  const shown = [log.lines, letters, await receiver.stats(), await receiver.inbox.list()];
  expect(inspect([shown, receiver], { depth: 20, showHidden: true })).not.toContain('canary');
});

describe('confirm: simulator', () => {
  test('handles honest events and no forged one', async () => {
    const simulator = await createSimulator({ apiKey: 'key', linkTtlMs: 60_000 });
    const taskResults = createTaskResultClient({ apiKey: 'key', baseUrl: simulator.url });
    const { receiver } = setUp({ taskResults, confirm: true });
    const [handled, letter] = [deferred<string>(), deferred<string>()];
    receiver.onTaskSucceeded(({ task }) => handled.resolve(task.task_id));
    receiver.onTaskFailed(() => {
      throw new PermanentError('a forged event was handled');
    });
    receiver.onDeadLetter(({ reason }) => letter.resolve(reason));
    const { url } = await receiver.createCallback();
    const { task_id } = await simulator.submit('txt2img');
    await simulator.idle();
    await receiver.handle(delivery(url, sampleEvents.failed({ taskId: task_id })));
    expect(await handled.promise).toBe(task_id);
    await receiver.handle(delivery(url, sampleEvents.failed({ taskId: 'forged' })));
    expect(await letter.promise).toContain('(task_not_found)');
    expect((await receiver.stats()).disagreements).toBe(1);
    await receiver.close();
    await simulator.close();
  });
});
