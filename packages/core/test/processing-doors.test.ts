import { addOnlyInbox, createReceiver, type NewEntry } from '@novita-webhooks/core';
import { createTestEntry, sampleEvents, TEST_SECRET } from '@novita-webhooks/testing';
import { describe, expect, test } from 'vitest';

import { noop, SAMPLE_TASK, setUp } from './helpers.ts';

const event = sampleEvents.imageSucceeded();
const BODY = JSON.stringify(event.payload);
const entry = (changes: Partial<NewEntry> = {}): NewEntry =>
  createTestEntry({ taskId: SAMPLE_TASK, body: BODY, ...changes });
const invalid = { code: 'invalid_argument' };

/** A worker without a MAC check, so that only the checks of the fields remain. */
function openWorker(options: Parameters<typeof setUp>[0] = {}) {
  const runs: unknown[] = [];
  const { receiver } = setUp({
    insecure: true,
    onTaskFinished: ({ task }, { metadata, testMode, attempt }) =>
      runs.push({ id: task.task_id, metadata, testMode, attempt }),
    ...options,
  });
  return { receiver, runs };
}

describe('processUnverified: a body in the shape of an entry', () => {
  test.each([
    ['an entry', entry({ metadata: { admin: true } })],
    ['an entry as text', JSON.stringify(entry({ metadata: { admin: true } }))],
    ['an envelope inside an entry', { ...entry(), ...event, payload: undefined }],
  ])('%s is refused, so its metadata reaches no handler', async (_, body) => {
    const { receiver, runs } = openWorker();
    const processed = receiver.processUnverified(body, { metadata: { admin: false } });
    await expect(processed).rejects.toMatchObject({
      code: expect.stringMatching(/^missing_/) as unknown,
    });
    expect(runs).toEqual([]);
  });

  test('an envelope with the members of an entry gets the metadata of the caller', async () => {
    const { receiver, runs } = openWorker();
    const body = { ...entry({ metadata: { admin: true }, testMode: true }), ...event };
    await receiver.processUnverified(body, { metadata: { admin: false } });
    expect(runs).toEqual([
      { id: SAMPLE_TASK, metadata: { admin: false }, testMode: false, attempt: 1 },
    ]);
  });
});

describe('processEntry: fields that disagree with the body', () => {
  test.each([
    ['another taskId', { taskId: 'another' }],
    ['another status', { status: 'TASK_STATUS_FAILED' }],
    ['a taskId with a control character', { taskId: 'a\u0000b' }],
    ['a taskId with a direction override', { taskId: 'a\u202eb' }],
    ['a taskId with a line separator', { taskId: 'a\u2028b' }],
    ['an invalid date', { receivedAt: Number.NaN }],
    ['a date that is out of range', { receivedAt: 8.64e15 + 1 }],
    ['a date as text', { receivedAt: '2026-03-01' as never }],
    ['another endpoint', { endpoint: 'another' }],
    [
      'a body of a task that still runs',
      { body: JSON.stringify(sampleEvents.queued().payload), status: 'TASK_STATUS_QUEUED' },
    ],
  ])('%s: invalid_argument, and no handler runs', async (_, changes) => {
    const { receiver, runs } = openWorker();
    await expect(receiver.processEntry(entry(changes))).rejects.toMatchObject(invalid);
    expect(runs).toEqual([]);
  });

  test('a body without a task id: missing_task_id', async () => {
    const { receiver } = openWorker();
    const processed = receiver.processEntry(entry({ body: '{"task":{}}' }));
    await expect(processed).rejects.toMatchObject({ code: 'missing_task_id' });
  });

  test('an entry of another endpoint is refused although its MAC is valid', async () => {
    const messages: NewEntry[] = [];
    const inbox = addOnlyInbox({ durable: true, add: async (it) => (messages.push(it), 'added') });
    const images = createReceiver({
      logger: false,
      secret: TEST_SECRET,
      inbox,
      endpoint: 'images',
      url: 'https://h.example',
    });
    await images.handle({
      method: 'POST',
      url: (await images.createCallback()).url,
      headers: {},
      body: JSON.stringify(event),
    });
    const { receiver } = setUp({ onTaskFinished: noop });
    expect(messages).toHaveLength(1);
    await expect(receiver.processEntry(messages[0])).rejects.toMatchObject(invalid);
  });
});

describe('test events that are to be ignored', () => {
  const testEvent = sampleEvents.testMode();
  const body = JSON.stringify(testEvent.payload);
  const { task_id: taskId, status } = testEvent.payload['task'] as Record<string, string>;

  test.each([true, false])('reach no handler as entries with testMode %s', async (testMode) => {
    const { receiver, runs } = openWorker({ testEvents: 'ignore' });
    await receiver.processEntry(
      entry({ body, taskId: taskId ?? '', status: status ?? '', testMode }),
    );
    expect(runs).toEqual([]);
  });

  test('reach no handler by the claims of their token alone', async () => {
    const { receiver, runs } = openWorker({ testEvents: 'ignore' });
    await receiver.processEntry(entry({ testMode: true }));
    expect(runs).toEqual([]);
  });

  test('are marked as such for handlers that get them, whatever the entry says', async () => {
    const { receiver, runs } = openWorker();
    await receiver.processEntry(entry({ body, taskId: taskId ?? '', status: status ?? '' }));
    expect(runs).toMatchObject([{ testMode: true }]);
  });
});

describe('options of both doors', () => {
  test.each([
    ['an attempt of 0', { attempt: 0 }],
    ['an attempt of 1.5', { attempt: 1.5 }],
    ['an attempt as text', { attempt: '1' }],
    ['an attempt that is no number', { attempt: NaN }],
    ['succeededHandlers as text', { succeededHandlers: 'succeeded#1' }],
    ['a signal that is none', { signal: {} }],
    ['a typo', { attempts: 2 }],
    ['null', null],
  ])('%s: invalid_argument', async (_, options) => {
    const { receiver, runs } = openWorker();
    await expect(receiver.processEntry(entry(), options as never)).rejects.toMatchObject(invalid);
    await expect(receiver.processUnverified(event, options as never)).rejects.toMatchObject(
      invalid,
    );
    expect(runs).toEqual([]);
  });

  test('processEntry takes no metadata: it is that of the entry', async () => {
    const { receiver } = openWorker();
    const options = { metadata: { admin: true } } as never;
    await expect(receiver.processEntry(entry(), options)).rejects.toMatchObject(invalid);
  });
});

test.each([8, 9, 1000])(
  'attempt %i of 8 runs the handlers, and a failure is final',
  async (attempt) => {
    const seen: unknown[] = [];
    const { receiver } = openWorker({
      onTaskFinished(_, context) {
        seen.push(`${context.attempt} of ${context.maxAttempts}`);
        throw new Error('no');
      },
    });
    for (const processed of [
      receiver.processEntry(entry(), { attempt }),
      receiver.processUnverified(event, { attempt }),
    ]) {
      await expect(processed).rejects.toMatchObject({
        outcome: { type: 'dead', reason: 'Error: no' },
      });
    }
    expect(seen).toEqual(['8 of 8', '8 of 8']);
  },
);
