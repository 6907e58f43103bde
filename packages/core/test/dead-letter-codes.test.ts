import {
  memoryInbox,
  memoryStore,
  PermanentError,
  pollingInbox,
  WebhookError,
  type DeadLetterCode,
  type ReceiverOptions,
  type Store,
  type TaskResultClient,
} from '@novita-webhooks/core';
import { createManualClock, createTestEntry, sampleEvents } from '@novita-webhooks/testing';
import { expect, test } from 'vitest';
import * as z from 'zod';

import { noop, SAMPLE_TASK, setUp } from './helpers.ts';

const KEY = { endpoint: 'novita', taskId: SAMPLE_TASK };
const event = sampleEvents.imageSucceeded();

/** A receiver, the letters that its `onDeadLetter` gets, and what its log says of them. */
function withLetters(options: Partial<ReceiverOptions> = {}) {
  const clock = createManualClock();
  const inbox = memoryInbox({ clock });
  const made = setUp({ retry: { maxAttempts: 1 }, inbox, ...options }, clock);
  const letters: DeadLetterCode[] = [];
  made.receiver.onDeadLetter(({ code }) => void letters.push(code));
  const logged = () =>
    made.log.lines.filter(({ message }) => message.includes('dead letter')).map(toCode);
  return { ...made, letters, logged };
}

type Made = ReturnType<typeof withLetters>;

const toCode = ({ details }: Made['log']['lines'][number]) => details['code'];

const unknownTask: TaskResultClient = {
  get: () => expect.unreachable('get is not used'),
  getPayload: () => Promise.reject(new WebhookError('task_not_found', 'no such task')),
};

async function failing(error: Error, options: Partial<ReceiverOptions> = {}): Promise<Made> {
  const made = withLetters(options);
  made.receiver.onTaskSucceeded(() => Promise.reject(error));
  await made.settle(event);
  return made;
}

async function metadataThatDoesNotFit(): Promise<Made> {
  const clock = createManualClock();
  const inbox = memoryInbox({ clock });
  const metadata = z.object({ orderId: z.number() });
  const made = withLetters({ inbox, clock, metadata });
  made.receiver.onTaskSucceeded(noop);
  const body = JSON.stringify(event.payload);
  await inbox.add(createTestEntry({ ...KEY, body, metadata: { orderId: 'a text' } }));
  made.receiver.start();
  await clock.advance(1000);
  return made;
}

/** The first process ends with its lease: nothing that it does reaches the store. */
async function endedProcess(): Promise<Made> {
  const clock = createManualClock();
  const store = memoryStore({ clock });
  let hasEnded = false;
  const never = () => new Promise<never>(noop);
  const ending: Store = {
    ...store,
    claim: (...args) => (hasEnded ? never() : store.claim(...args)),
    extend: (...args) => (hasEnded ? never() : store.extend(...args)),
    settle: (...args) => (hasEnded ? never() : store.settle(...args)),
  };
  const first = setUp({ inbox: pollingInbox(ending, { clock }), retry: { maxAttempts: 1 } }, clock);
  first.receiver.onTaskSucceeded({ handlerName: 'it' }, () => {
    hasEnded = true;
    return never();
  });
  await first.settle(event);
  expect(hasEnded).toBe(true);
  const made = withLetters({ inbox: pollingInbox(store, { clock }), clock });
  made.receiver.onTaskSucceeded({ handlerName: 'it' }, () => expect.unreachable('it runs again'));
  made.receiver.start();
  await clock.advance(600_000);
  return made;
}

async function replayed(handlers: readonly string[]): Promise<Made> {
  const made = withLetters();
  made.receiver.onTaskSucceeded({ handlerName: 'mail' }, noop);
  made.receiver.onTaskSucceeded({ handlerName: 'save' }, () => Promise.reject(new Error('full')));
  await made.settle(event);
  expect(made.letters.splice(0)).toEqual(['handler_failed']);
  await made.receiver.inbox.replay(KEY, { handlers });
  await made.clock.flush();
  return made;
}

async function schemaError(): Promise<Made> {
  const made = withLetters();
  made.receiver.onTaskSucceeded(noop);
  await made.settle(sampleEvents.schemaError());
  return made;
}

async function unconfirmed(): Promise<Made> {
  const made = withLetters({ taskResults: unknownTask, confirm: true });
  made.receiver.onTaskSucceeded(noop);
  await made.settle(event);
  return made;
}

async function neverEnding(): Promise<Made> {
  const made = withLetters({ taskResults: unknownTask });
  made.receiver.onTaskSucceeded(noop);
  await made.receiver.expect(SAMPLE_TASK, { within: 60_000 });
  made.receiver.start();
  await made.clock.advance(120_000);
  return made;
}

async function unfinishedSubmission(): Promise<Made> {
  const made = withLetters();
  made.receiver.onTaskSucceeded(noop);
  void made.receiver.submit(() => new Promise<string>(noop), { key: 'a', within: 1000 });
  made.receiver.start();
  await made.clock.advance(2000);
  return made;
}

/** Each code and what causes it. TypeScript knows if one is missing. */
const causes: Readonly<Record<DeadLetterCode, Readonly<Record<string, () => Promise<Made>>>>> = {
  handler_failed: {
    'the last attempt failed': () => failing(new Error('no')),
    'a handler rules out a retry': () =>
      failing(new PermanentError('never'), { retry: { maxAttempts: 5 } }),
    'the metadata does not fit its schema': metadataThatDoesNotFit,
  },
  attempt_lost: { 'the process ended in the last attempt': endedProcess },
  replay_incomplete: {
    'another handler is outstanding after a replay': () => replayed(['mail']),
    'no handler has a name of the replay': () => replayed(['unknown']),
  },
  invalid_result: { 'the payload does not fit the schema': schemaError },
  unconfirmed: { 'the API does not know the task': unconfirmed },
  missing: { 'no result came in time': neverEnding },
  submission_unfinished: { 'a submit call never named its task': unfinishedSubmission },
};

const cases = Object.entries(causes).flatMap(([code, byCause]) =>
  Object.entries(byCause).map(([cause, run]) => ({ code, cause, run })),
);

test.each(cases)('onDeadLetter gets $code once if $cause', async ({ code, run }) => {
  const { letters, logged, receiver } = await run();
  expect(letters).toEqual([code]);
  expect(logged().at(-1)).toBe(code);
  const { entries } = await receiver.inbox.list({ states: ['dead'] });
  expect(entries).toHaveLength(1);
});
