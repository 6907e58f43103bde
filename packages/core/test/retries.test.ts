import {
  exponentialBackoff,
  memoryStore,
  PermanentError,
  pollingInbox,
  RetryLaterError,
  type Entry,
  type Logger,
  type ReceiverOptions,
} from '@novita-webhooks/core';
import { createManualClock, sampleEvents } from '@novita-webhooks/testing';
import { describe, expect, test, vi } from 'vitest';

import { createGauge, deferred, SAMPLE_TASK, setUp, takeOver } from './helpers.ts';

const MINUTE = 60_000;
const LEASE = 30_000;
const HOUR = 60 * MINUTE;
const KEY = { endpoint: 'novita', taskId: SAMPLE_TASK };
const event = sampleEvents.imageSucceeded();

/** A receiver whose handler throws these things, one per attempt, and then succeeds. */
function failing(thrown: readonly unknown[], options: Partial<ReceiverOptions> = {}) {
  const setup = setUp(options);
  const startedAt: number[] = [];
  const letters: string[] = [];
  setup.receiver.onTaskSucceeded(() => {
    startedAt.push(setup.clock.now());
    if (startedAt.length <= thrown.length) throw thrown[startedAt.length - 1];
  });
  setup.receiver.onDeadLetter(({ reason }) => letters.push(reason));
  const entry = async (): Promise<Entry> => {
    const found = await setup.receiver.inbox.get(KEY);
    if (found === undefined) throw new Error('the entry is lost');
    return found;
  };
  return { ...setup, startedAt, letters, entry };
}

describe('the default schedule', () => {
  const bounds = [2, 6, 18, 54, 162, 486, 900].map((seconds) => seconds * 1000);

  test('waits from zero up to a bound that grows: full jitter', () => {
    const longest = exponentialBackoff({ random: () => 1 });
    const shortest = exponentialBackoff({ random: () => 0 });
    const delay = exponentialBackoff();
    for (const [index, bound] of bounds.entries()) {
      expect(longest(index + 1)).toBe(bound);
      expect(shortest(index + 1)).toBe(0);
      const drawn = Array.from({ length: 500 }, () => delay(index + 1));
      expect(Math.min(...drawn)).toBeGreaterThanOrEqual(0);
      expect(Math.max(...drawn)).toBeLessThan(bound);
      expect(Math.min(...drawn)).toBeLessThan(bound * 0.1);
      expect(Math.max(...drawn)).toBeGreaterThan(bound * 0.9);
    }
    expect(delay(10_000)).toBeLessThan(900_000); // and never overflows
  });

  test('ends within the hour that links live, in the worst case', async () => {
    const random = vi.spyOn(Math, 'random').mockReturnValue(1 - Number.EPSILON);
    const { receiver, settle, clock, log } = setUp();
    const startedAt = clock.now();
    const attempts: number[] = [];
    let endedAt = 0;
    // Each attempt takes all of its time, and then as much again before it heeds its signal.
    receiver.onTaskSucceeded(async (_, { signal, attempt }) => {
      attempts.push(attempt);
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      await new Promise<void>((resolve) => void clock.after(MINUTE - 1, resolve));
      throw new Error('too slow');
    });
    receiver.onDeadLetter(() => (endedAt = clock.now()));
    await settle(event);
    for (let minute = 0; minute < 90 && endedAt === 0; minute += 1) await clock.advance(MINUTE);
    random.mockRestore();
    expect(attempts).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(endedAt).toBeGreaterThan(startedAt);
    expect(endedAt - startedAt).toBeLessThan(HOUR);
    expect(log.messages('warn').filter((text) => text === 'worker: a handler failed')).toHaveLength(
      8,
    );
  });

  test.each([
    { initialMs: 0 },
    { initialMs: -1 },
    { initialMs: NaN },
    { factor: 0.5 },
    { maxMs: 1 },
  ])('%j is refused', (options) => {
    expect(() => exponentialBackoff(options)).toThrow(
      expect.objectContaining({ code: 'invalid_option' }),
    );
  });
});

describe('an attempt that fails', () => {
  test('is made again after the delay, and done once it succeeds', async () => {
    const delays: number[] = [];
    const delay = (attempt: number) => {
      delays.push(attempt);
      return 1000 * attempt;
    };
    const { settle, clock, startedAt, entry, letters } = failing(['one', 'two'], {
      retry: { delay },
    });
    const start = clock.now();
    await settle(event);
    expect(await entry()).toMatchObject({
      state: 'pending',
      attempts: 1,
      reason: 'threw string: one',
    });
    await clock.advance(HOUR);
    expect(startedAt.map((at) => at - start)).toEqual([0, 1000, 3000]);
    expect(delays).toEqual([1, 2]);
    expect(await entry()).toMatchObject({ state: 'done', attempts: 3, reason: null });
    expect(letters).toEqual([]);
  });

  test('as often as allowed becomes a dead letter, and is not made again', async () => {
    const { settle, clock, startedAt, entry, letters } = failing(Array(10).fill(new Error('no')), {
      retry: { maxAttempts: 3, delay: () => 1000 },
    });
    await settle(event);
    await clock.advance(HOUR);
    expect(startedAt).toHaveLength(3);
    expect(await entry()).toMatchObject({ state: 'dead', attempts: 3, reason: 'Error: no' });
    expect(letters).toEqual(['Error: no']);
    await settle(event); // a late copy changes nothing
    await clock.advance(HOUR);
    expect(startedAt).toHaveLength(3);
  });

  test('with attempts: 1 is the last', async () => {
    const { settle, startedAt, entry } = failing([new Error('no')], { retry: { maxAttempts: 1 } });
    await settle(event);
    expect(startedAt).toHaveLength(1);
    expect((await entry()).state).toBe('dead');
  });

  test('given up and replayed begins another series', async () => {
    const { settle, receiver, clock, startedAt, entry } = failing(['1', '2', '3'], {
      retry: { maxAttempts: 2, delay: () => 10 },
    });
    await settle(event);
    await clock.advance(MINUTE);
    expect(await entry()).toMatchObject({ state: 'dead', attempts: 2 });
    expect(await receiver.inbox.replay(KEY)).toBe(true);
    await clock.advance(MINUTE);
    expect(startedAt).toHaveLength(4);
    expect(await entry()).toMatchObject({ state: 'done', attempts: 2 });
  });
});

describe('whatever a handler throws', () => {
  const hostile: [string, () => unknown][] = [
    ['text', () => 'no luck'],
    ['nothing', () => undefined],
    ['null', () => null],
    ['a number', () => 0],
    ['a symbol', () => Symbol('no')],
    ['a bigint', () => 1n],
    ['a function', () => () => 1],
    ['a frozen object', () => Object.freeze({ message: 'cold' })],
    ['an object without a prototype', () => Object.create(null) as unknown],
    ['a message that is no text', () => ({ message: { toString: null } })],
    ['an error that cannot become text', () => ({ message: Symbol('no') })],
    [
      'a getter that throws',
      () => ({
        get message(): string {
          throw new Error('trap');
        },
        get name(): string {
          throw new Error('trap');
        },
        get code(): string {
          throw new Error('trap');
        },
      }),
    ],
    ['a proxy that throws', () => new Proxy({}, trap)],
    ['a function proxy that throws', () => new Proxy(() => 1, trap)],
    [
      'a revoked proxy',
      () => {
        const { proxy, revoke } = Proxy.revocable({}, {});
        revoke();
        return proxy;
      },
    ],
    [
      'half a RetryLaterError, the other half of which throws',
      () => ({
        name: 'WebhookError',
        code: 'retry_later',
        get delayMs(): number {
          throw new Error('trap');
        },
      }),
    ],
    ['an error with a thenable nature', () => ({ then: (done: () => void) => done() })],
    ['a very long message', () => new Error('x'.repeat(10_000_000))],
    ['a message of many URLs', () => new Error('http://'.repeat(20_000))],
  ];
  const trap: ProxyHandler<object> = {
    get: () => {
      throw new Error('trap');
    },
    has: () => {
      throw new Error('trap');
    },
    getPrototypeOf: () => {
      throw new Error('trap');
    },
    ownKeys: () => {
      throw new Error('trap');
    },
  };

  test.each(hostile)('%s is a failure like any other', async (_, make) => {
    const { settle, clock, startedAt, entry, log } = failing([make()], {
      retry: { delay: () => 1000 },
    });
    const before = performance.now();
    await settle(event);
    expect(performance.now() - before).toBeLessThan(1000);
    const { state, attempts, reason, dueAt } = await entry();
    expect({ state, attempts }).toEqual({ state: 'pending', attempts: 1 });
    expect(reason?.length).toBeLessThanOrEqual(500);
    expect(dueAt).toBeGreaterThanOrEqual(clock.now());
    expect(log.messages('error')).toEqual([]);
    await clock.advance(1000);
    expect(startedAt).toHaveLength(2);
    expect((await entry()).state).toBe('done');
  });

  test('a promise that rejects is the same as a throw', async () => {
    const { receiver, settle } = setUp({ retry: { maxAttempts: 1 } });
    receiver.onTaskSucceeded(() => Promise.reject(new Error('later')));
    await settle(event);
    expect((await receiver.inbox.get(KEY))?.reason).toBe('Error: later');
  });
});

describe('special errors', () => {
  test('PermanentError: a dead letter now', async () => {
    const { settle, clock, startedAt, entry } = failing([new PermanentError('no such order')]);
    await settle(event);
    expect(await entry()).toMatchObject({ state: 'dead', attempts: 1 });
    expect((await entry()).reason).toContain('no such order');
    await clock.advance(HOUR);
    expect(startedAt).toHaveLength(1);
  });

  test('RetryLaterError: after the delay it names, and it counts as an attempt', async () => {
    const { settle, clock, startedAt, entry } = failing(
      [new RetryLaterError(5000), new RetryLaterError(0, 'busy')],
      { retry: { maxAttempts: 2, delay: () => 1 } },
    );
    const start = clock.now();
    await settle(event);
    await clock.advance(4999);
    expect(startedAt).toHaveLength(1);
    await clock.advance(1);
    expect(startedAt.map((at) => at - start)).toEqual([0, 5000]);
    expect(await entry()).toMatchObject({ state: 'dead', attempts: 2 });
    expect((await entry()).reason).toContain('busy');
  });

  test('of another copy of the library are recognised by their code', async () => {
    const copy = (fields: object) => Object.assign(new Error('elsewhere'), fields);
    const later = failing([copy({ name: 'WebhookError', code: 'retry_later', delayMs: 7000 })], {
      retry: { delay: () => 1 },
    });
    await later.settle(event);
    expect((await later.entry()).dueAt).toBe(later.clock.now() + 7000);
    const never = failing([copy({ name: 'WebhookError', code: 'permanent' })]);
    await never.settle(event);
    expect((await never.entry()).state).toBe('dead');
  });

  test('with the code alone are somebody else’s', async () => {
    const { settle, entry } = failing([Object.assign(new Error('no'), { code: 'permanent' })]);
    await settle(event);
    expect((await entry()).state).toBe('pending');
  });

  test.each([-1, NaN, Infinity, '5', undefined])('RetryLaterError(%s) is refused', (delayMs) => {
    expect(() => new RetryLaterError(delayMs as number)).toThrow(
      expect.objectContaining({ code: 'invalid_argument' }),
    );
  });

  test('of several handlers: the longest wish counts, and one PermanentError ends it', async () => {
    const { receiver, settle, clock } = setUp({ retry: { delay: () => 1 } });
    receiver.onTaskSucceeded(() => {
      throw new RetryLaterError(1000);
    });
    receiver.onTaskSucceeded((_, { attempt }) => {
      throw attempt === 1 ? new RetryLaterError(3000) : new PermanentError('no');
    });
    await settle(event);
    expect((await receiver.inbox.get(KEY))?.dueAt).toBe(clock.now() + 3000);
    await clock.advance(3000);
    expect((await receiver.inbox.get(KEY))?.state).toBe('dead');
  });
});

describe('a schedule of the integrator’s own', () => {
  test.each([
    ['throws', () => expect.unreachable()],
    ['returns NaN', () => NaN],
    ['returns a negative number', () => -5],
    ['returns Infinity', () => Infinity],
    ['returns nothing', () => undefined as unknown as number],
    ['returns text', () => '5' as unknown as number],
    ['returns a promise', () => Promise.resolve(5) as unknown as number],
  ])('that %s is replaced by the default, and said so', async (_, delay) => {
    const { settle, clock, startedAt, entry, log } = failing(['once'], { retry: { delay } });
    await settle(event);
    expect(log.messages('error').join()).toMatch(/retry\.delay/);
    expect((await entry()).dueAt).toBeLessThanOrEqual(clock.now() + 2000);
    await clock.advance(2000);
    expect(startedAt).toHaveLength(2);
  });
});

describe('a handler’s time', () => {
  const options = { handlers: { timeoutMs: MINUTE }, retry: { delay: () => 1000 } };

  test('over, its signal is aborted; what it throws then is retried', async () => {
    const { receiver, settle, clock } = setUp(options);
    const reasons: unknown[] = [];
    receiver.onTaskSucceeded((_, { signal, attempt }) => {
      if (attempt > 1) return;
      return new Promise((__, reject) => {
        signal.addEventListener('abort', () => {
          reasons.push(signal.reason);
          reject(new Error('stopped'));
        });
      });
    });
    await settle(event);
    await clock.advance(MINUTE - 1);
    expect(reasons).toEqual([]);
    await clock.advance(1);
    expect(reasons).toEqual([expect.objectContaining({ code: 'handler_timeout' })]);
    await clock.advance(1000);
    expect(await receiver.inbox.get(KEY)).toMatchObject({ state: 'done', attempts: 2 });
  });

  test('over, one that succeeds late all the same has succeeded', async () => {
    const { receiver, settle, clock } = setUp(options);
    const end = deferred();
    const gauge = createGauge();
    receiver.onTaskSucceeded(gauge.count(() => end.promise));
    await settle(event);
    await clock.advance(1.9 * MINUTE);
    end.resolve();
    await clock.advance(HOUR);
    expect(gauge.runs()).toBe(1);
    expect(await receiver.inbox.get(KEY)).toMatchObject({ state: 'done', attempts: 1 });
  });

  test('twice over, one that never settles is a dead letter, and is not run again', async () => {
    const { receiver, settle, clock } = setUp(options);
    const gauge = createGauge();
    receiver.onTaskSucceeded(gauge.count(() => new Promise(() => undefined)));
    await settle(event);
    await clock.advance(2 * MINUTE);
    const entry = await receiver.inbox.get(KEY);
    expect(entry).toMatchObject({ state: 'dead', attempts: 1 });
    expect(entry?.reason).toMatch(/may still be running/);
    for (let copy = 0; copy < 5; copy += 1) {
      await settle(event);
      await clock.advance(HOUR);
    }
    expect([gauge.runs(), gauge.most()]).toEqual([1, 1]);
  });

  test('of one handler is not that of the next', async () => {
    const { receiver, settle, clock } = setUp(options);
    const aborted: boolean[] = [];
    for (let index = 0; index < 3; index += 1) {
      receiver.onTaskSucceeded(async (_, { signal }) => {
        await new Promise<void>((resolve) => void clock.after(0.9 * MINUTE, resolve));
        aborted.push(signal.aborted);
      });
    }
    await settle(event);
    await clock.advance(3 * MINUTE);
    expect(aborted).toEqual([false, false, false]);
  });
});

describe('a logger', () => {
  const broken: [string, () => unknown][] = [
    [
      'throws',
      () => {
        throw new Error('disk full');
      },
    ],
    ['rejects', () => Promise.reject(new Error('disk full'))],
  ];

  test.each(broken)('that %s costs no event', async (_, log) => {
    const logger: Logger = { debug: log, info: log, warn: log, error: log };
    const { settle, clock, entry, receiver } = failing(['once'], {
      logger,
      retry: { delay: () => 1 },
    });
    receiver.onTaskSucceeded((__, context) => void context.log.info({ a: 1 }, 'hello'));
    expect((await settle(event)).status).toBe(200);
    await settle(sampleEvents.failed());
    await clock.advance(1000);
    expect((await entry()).state).toBe('done');
    await receiver.close();
  });
});

describe('an entry that ends its process each time', () => {
  test('is given up after as many attempts, without another run', async () => {
    const clock = createManualClock();
    const store = memoryStore({ clock });
    const inbox = pollingInbox(store, { clock });
    const { receiver, settle, log } = setUp({ inbox, retry: { maxAttempts: 3 } }, clock);
    const letters: string[] = [];
    let runs = 0;
    expect((await settle(event)).status).toBe(200);
    await store.claim('novita', 1, LEASE); // by a process that then dies
    for (let crash = 2; crash <= 3; crash += 1) await takeOver(store, clock, LEASE);
    receiver.onTaskSucceeded(() => (runs += 1));
    receiver.onDeadLetter(({ reason }) => letters.push(reason));
    await clock.advance(2 * LEASE);
    expect(runs).toBe(0);
    expect(await store.get(KEY)).toMatchObject({ state: 'dead' });
    expect(letters[0]).toMatch(/gave up after 3 of 3 attempts/);
    expect(log.messages('error')).toContainEqual(
      expect.stringContaining('an event became a dead letter'),
    );
  });

  test('has its last attempt before that', async () => {
    const clock = createManualClock();
    const store = memoryStore({ clock });
    const inbox = pollingInbox(store, { clock });
    const { receiver, settle } = setUp({ inbox, retry: { maxAttempts: 3 } }, clock);
    await settle(event);
    await store.claim('novita', 1, LEASE);
    await takeOver(store, clock, LEASE);
    const attempts: number[] = [];
    receiver.onTaskSucceeded((_, { attempt }) => attempts.push(attempt));
    await clock.advance(2 * LEASE);
    expect(attempts).toEqual([3]);
    expect((await store.get(KEY))?.state).toBe('done');
  });
});
