import { cpuTimeMs } from '../../../test/support/cpu-time.ts';
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

/** A receiver whose handler throws these values, one per attempt, and then succeeds. */
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

describe('exponentialBackoff', () => {
  const bounds = [2, 6, 18, 54, 162, 486, 900].map((seconds) => seconds * 1000);

  test('returns a delay between zero and a growing bound (full jitter)', () => {
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
    expect(delay(10_000)).toBeLessThan(900_000); // no overflow
  });

  test('ends all attempts within the one-hour lifetime of links', async () => {
    const random = vi.spyOn(Math, 'random').mockReturnValue(1 - Number.EPSILON);
    const { receiver, settle, clock, log } = setUp();
    const startedAt = clock.now();
    const attempts: number[] = [];
    let endedAt = 0;
    // Each attempt runs until its timeout and as long again after its signal is aborted.
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
    const failures = log.messages('warn').filter((text) => text.includes('a handler failed'));
    expect(failures).toHaveLength(8);
    expect(failures[7]).toBe('worker: a handler failed: attempt 8 of 8 failed, no other follows');
  });

  test.each([
    { initialMs: 0 },
    { initialMs: -1 },
    { initialMs: NaN },
    { initialMs: '500' as never },
    { factor: 0.5 },
    { maxMs: 1 },
    { random: 5 as never },
    null as never,
  ])('throws for the options %j', (options) => {
    expect(() => exponentialBackoff(options)).toThrow(
      expect.objectContaining({ code: 'invalid_option' }),
    );
  });
});

describe('attempt: the log line of a failure', () => {
  const failureOf = async (thrown: readonly unknown[], options: Partial<ReceiverOptions>) => {
    const { settle, log } = failing(thrown, options);
    await settle(event);
    return log.messages('warn').filter((text) => text.includes('failed'));
  };

  test.each([
    [400, '0.4 s'],
    [1400, '1.4 s'],
    [54_000, '54 s'],
    [400_000, '6.7 min'],
    [86_400_000, '24 h'],
  ])('tells the attempt, the limit, and that the next one begins in %i ms', async (ms, text) => {
    const delay = vi.fn(() => ms);
    expect(await failureOf(['one'], { retry: { delay, maxAttempts: 3 } })).toEqual([
      `worker: a handler failed: attempt 1 of 3 failed, next in ${text}`,
    ]);
    expect(delay).toHaveBeenCalledOnce();
  });

  test('tells the delay that the handler asked for, and that there is no next attempt', async () => {
    expect(await failureOf([new RetryLaterError(5000)], {})).toEqual([
      'worker: a handler failed: attempt 1 of 8 failed, next in 5 s',
    ]);
    expect(await failureOf([new PermanentError('no')], {})).toEqual([
      'worker: a handler failed: attempt 1 failed, and its error rules out a retry',
    ]);
  });

  test('names the handler by handlerName, its own name, or where it was registered', async () => {
    const { receiver, settle, log } = setUp({ onTaskSucceeded: fail });
    function fail(): never {
      throw new Error('no');
    }
    receiver.onTaskSucceeded({ handlerName: 'save-image' }, fail);
    receiver.onTaskSucceeded(() => fail());
    receiver.onTaskSucceeded(() => fail());
    receiver.onTaskFinished(() => fail());
    const a = () => fail(); // as a minifier names it
    receiver.onTaskFinished(a);
    await settle(event);
    expect(log.lines.flatMap(({ details }) => details['handler'] ?? [])).toEqual([
      'fail',
      'save-image',
      'onTaskSucceeded #3',
      'onTaskSucceeded #4',
      'onTaskFinished #1',
      'onTaskFinished #2',
    ]);
  });
});

describe('attempt: failure', () => {
  test('is retried after the delay until the handler succeeds', async () => {
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

  test('makes a dead letter after maxAttempts', async () => {
    const { settle, clock, startedAt, entry, letters } = failing(Array(10).fill(new Error('no')), {
      retry: { maxAttempts: 3, delay: () => 1000 },
    });
    await settle(event);
    await clock.advance(HOUR);
    expect(startedAt).toHaveLength(3);
    expect(await entry()).toMatchObject({ state: 'dead', attempts: 3, reason: 'Error: no' });
    expect(letters).toEqual(['Error: no']);
    await settle(event); // a late copy has no effect
    await clock.advance(HOUR);
    expect(startedAt).toHaveLength(3);
  });

  test('is not retried with maxAttempts: 1', async () => {
    const { settle, startedAt, entry } = failing([new Error('no')], { retry: { maxAttempts: 1 } });
    await settle(event);
    expect(startedAt).toHaveLength(1);
    expect((await entry()).state).toBe('dead');
  });

  test('is retried from attempt 1 after the replay of the dead letter', async () => {
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

describe('attempt: thrown value', () => {
  const hostile: [string, () => unknown][] = [
    ['a string', () => 'no luck'],
    ['nothing', () => undefined],
    ['null', () => null],
    ['a number', () => 0],
    ['a symbol', () => Symbol('no')],
    ['a bigint', () => 1n],
    ['a function', () => () => 1],
    ['a frozen object', () => Object.freeze({ message: 'cold' })],
    ['an object without a prototype', () => Object.create(null) as unknown],
    ['a message that is no string', () => ({ message: { toString: null } })],
    ['a message that cannot become a string', () => ({ message: Symbol('no') })],
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
      'a RetryLaterError whose delayMs throws',
      () => ({
        name: 'WebhookError',
        code: 'retry_later',
        get delayMs(): number {
          throw new Error('trap');
        },
      }),
    ],
    ['a thenable', () => ({ then: (done: () => void) => done() })],
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

  test.each(hostile)('%s counts as a failure and is retried', async (_, make) => {
    const { settle, clock, startedAt, entry, log } = failing([make()], {
      retry: { delay: () => 1000 },
    });
    const before = cpuTimeMs();
    await settle(event);
    expect(cpuTimeMs() - before).toBeLessThan(1000);
    const { state, attempts, reason, dueAt } = await entry();
    expect({ state, attempts }).toEqual({ state: 'pending', attempts: 1 });
    expect(reason?.length).toBeLessThanOrEqual(500);
    expect(dueAt).toBeGreaterThanOrEqual(clock.now());
    expect(log.messages('error')).toEqual([]);
    await clock.advance(1000);
    expect(startedAt).toHaveLength(2);
    expect((await entry()).state).toBe('done');
  });

  test('a rejected promise counts as a throw', async () => {
    const { receiver, settle } = setUp({ retry: { maxAttempts: 1 } });
    receiver.onTaskSucceeded(() => Promise.reject(new Error('later')));
    await settle(event);
    expect((await receiver.inbox.get(KEY))?.reason).toBe('Error: later');
  });
});

describe('attempt: PermanentError and RetryLaterError', () => {
  test('PermanentError makes a dead letter at once', async () => {
    const { settle, clock, startedAt, entry } = failing([new PermanentError('no such order')]);
    await settle(event);
    expect(await entry()).toMatchObject({ state: 'dead', attempts: 1 });
    expect((await entry()).reason).toContain('no such order');
    await clock.advance(HOUR);
    expect(startedAt).toHaveLength(1);
  });

  test('RetryLaterError retries after its delay and counts as an attempt', async () => {
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

  test('errors of another copy of the library are recognized by name and code', async () => {
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

  test('errors with the code but another name are ordinary failures', async () => {
    const { settle, entry } = failing([Object.assign(new Error('no'), { code: 'permanent' })]);
    await settle(event);
    expect((await entry()).state).toBe('pending');
  });

  test.each([-1, NaN, Infinity, '5', undefined])('RetryLaterError(%s) throws', (delayMs) => {
    expect(() => new RetryLaterError(delayMs as number)).toThrow(
      expect.objectContaining({ code: 'invalid_argument' }),
    );
  });

  test('the longest delay of several handlers counts, and PermanentError wins', async () => {
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

describe('attempt: retry.delay', () => {
  test.each([
    ['throws', () => expect.unreachable()],
    ['returns NaN', () => NaN],
    ['returns a negative number', () => -5],
    ['returns Infinity', () => Infinity],
    ['returns nothing', () => undefined as unknown as number],
    ['returns a string', () => '5' as unknown as number],
    ['returns a promise', () => Promise.resolve(5) as unknown as number],
  ])('that %s is replaced by the default and logged as an error', async (_, delay) => {
    const { settle, clock, startedAt, entry, log } = failing(['once'], { retry: { delay } });
    await settle(event);
    expect(log.messages('error').join()).toMatch(/retry\.delay/);
    expect((await entry()).dueAt).toBeLessThanOrEqual(clock.now() + 2000);
    await clock.advance(2000);
    expect(startedAt).toHaveLength(2);
  });
});

describe('attempt: handlers.timeoutMs', () => {
  const options = { handlers: { timeoutMs: MINUTE }, retry: { delay: () => 1000 } };

  test('aborts the signal; a handler that then throws is retried', async () => {
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

  test('does not retry a handler that succeeds after its signal was aborted', async () => {
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

  test('makes a dead letter of a handler that ignores its signal as long again', async () => {
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

  test('applies to each handler of an event separately', async () => {
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

describe('attempt: logger', () => {
  const broken: [string, () => unknown][] = [
    [
      'throws',
      () => {
        throw new Error('disk full');
      },
    ],
    ['rejects', () => Promise.reject(new Error('disk full'))],
  ];

  test.each(broken)('that %s does not affect the handling of events', async (_, log) => {
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

describe('attempt: entry that crashes its process each time', () => {
  test('becomes a dead letter after maxAttempts without another run', async () => {
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

  test('gets its last attempt after maxAttempts - 1 crashes', async () => {
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
