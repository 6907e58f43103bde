import { memoryStore, PermanentError, pollingInbox, type Entry } from '@novita-webhooks/core';
import { createManualClock, sampleEvents } from '@novita-webhooks/testing';
import { describe, expect, test } from 'vitest';

import { SAMPLE_TASK, setUp } from './helpers.ts';

const KEY = { endpoint: 'novita', taskId: SAMPLE_TASK };
const event = sampleEvents.imageSucceeded();
const HOUR_MS = 3_600_000;

/** A receiver, and the entry of the event that it gets. */
function start(options: Parameters<typeof setUp>[0] = {}, clock = createManualClock()) {
  const setup = setUp(options, clock);
  const entry = async (): Promise<Entry> => {
    const found = await setup.receiver.inbox.get(KEY);
    if (found === undefined) throw new Error('the entry is lost');
    return found;
  };
  return { ...setup, entry };
}

describe('entry.attemptLog', () => {
  test('holds when an attempt began, how long it took, and why which handler failed', async () => {
    const { receiver, clock, entry, deliver } = start();
    let runs = 0;
    receiver.onTaskSucceeded({ handlerName: 'save' }, async () => {
      runs += 1;
      if (runs > 1) return;
      await new Promise((resolve) => clock.after(250, () => resolve(undefined)));
      throw Object.assign(new TypeError('disk full: ?token=abc'), { code: 'ENOSPC' });
    });
    const startedAt = clock.now();
    await deliver(event);
    await clock.advance(250);
    await clock.advance(HOUR_MS);
    const { attemptLog, state } = await entry();
    expect(state).toBe('done');
    expect(attemptLog).toEqual([
      {
        ...{ attempt: 1, startedAt, durationMs: 250, outcome: 'retry', trigger: 'delivery' },
        errors: [
          { handler: 'save', name: 'TypeError', message: 'disk full: ?[redacted]', code: 'ENOSPC' },
        ],
      },
      {
        ...{ attempt: 2, startedAt: expect.any(Number) as number, durationMs: 0 },
        ...{ outcome: 'done', trigger: 'delivery', errors: [] },
      },
    ]);
  });

  test('keeps the last ten attempts and three errors, also over replays', async () => {
    const { receiver, clock, entry, deliver } = start();
    for (const name of ['one', 'two', 'three', 'four']) {
      receiver.onTaskSucceeded({ handlerName: name }, () => {
        throw new PermanentError(`${name} ${'x'.repeat(1000)}`);
      });
    }
    await deliver(event);
    await clock.advance(1);
    for (let replays = 0; replays < 11; replays += 1) {
      expect(await receiver.inbox.replay(KEY)).toBe(true);
      await clock.advance(1);
    }
    const { attemptLog } = await entry();
    expect(attemptLog).toHaveLength(10);
    expect(attemptLog[9]).toMatchObject({ attempt: 1, outcome: 'dead', trigger: 'replay' });
    expect(attemptLog[9]?.errors.map(({ handler }) => handler)).toEqual(['one', 'two', 'three']);
    expect(attemptLog[9]?.errors[0]?.message).toHaveLength(300);
    expect(JSON.stringify(attemptLog).length).toBeLessThan(16 * 1024);
  });

  test('has an attempt that never reported a result as lost', async () => {
    const clock = createManualClock();
    const store = memoryStore({ clock });
    const { receiver, entry, deliver } = start({ inbox: pollingInbox(store, { clock }) }, clock);
    await deliver(event);
    expect(await store.claim(KEY.endpoint, 1, 1000)).toHaveLength(1); // a process that is killed
    receiver.onTaskSucceeded(() => undefined);
    await clock.advance(HOUR_MS);
    const { attemptLog } = await entry();
    expect(attemptLog.map(({ attempt, outcome }) => [attempt, outcome])).toEqual([
      [1, 'lost'],
      [2, 'done'],
    ]);
  });
});
