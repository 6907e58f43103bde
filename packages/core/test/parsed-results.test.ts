import { memoryInbox } from '@novita-webhooks/core';
import {
  createManualClock,
  createTestEntry,
  sampleEvents,
  signedDelivery,
} from '@novita-webhooks/testing';
import { describe, expect, test } from 'vitest';

import { parseStoredBody } from '../src/handlers/parse-stored-body.ts';
import { createParsedResults } from '../src/handlers/parsed-results.ts';
import { SAMPLE_TASK, setUp } from './helpers.ts';

const isConsuming = () => true;
const entryOf = (taskId: string, body = '{}') => createTestEntry({ taskId, body });
const failed = (schemaError: string) => ({ result: null, schemaError });

describe('parsed results', () => {
  test('are taken once', () => {
    const results = createParsedResults(isConsuming);
    results.keep(entryOf('a'), failed('kept'));
    expect(results.take(entryOf('a'))).toEqual(failed('kept'));
    expect(results.take(entryOf('a'))).toBeUndefined();
  });

  test('are not those of another event of the same task', () => {
    const results = createParsedResults(isConsuming);
    results.keep(entryOf('a'), failed('kept'));
    expect(results.take(entryOf('a', '{"another":1}'))).toBeUndefined();
  });

  test('stay those of the first event when a duplicate arrives', () => {
    const results = createParsedResults(isConsuming);
    results.keep(entryOf('a'), failed('first'));
    results.keep(entryOf('a'), failed('second'));
    expect(results.take(entryOf('a'))).toEqual(failed('first'));
  });

  test('are dropped from the oldest on, above 4 Mi characters of bodies', () => {
    const results = createParsedResults(isConsuming);
    const large = 'x'.repeat(1024 * 1024);
    const names = ['a', 'b', 'c', 'd', 'e'];
    for (const name of names) results.keep(entryOf(name, large), failed(name));
    const left = names.filter((name) => results.take(entryOf(name, large)) !== undefined);
    expect(left).toEqual(['b', 'c', 'd', 'e']);
  });

  test('are not kept by a process that attempts no entries', () => {
    const results = createParsedResults(() => false);
    results.keep(entryOf('a'), failed('kept'));
    expect(results.take(entryOf('a'))).toBeUndefined();
  });
});

describe('the result that a handler gets', () => {
  const taskId = SAMPLE_TASK;

  test('is what the stored body says, with tokens redacted, 1e400 as null and -0 as 0', async () => {
    const clock = createManualClock();
    const { receiver } = setUp({ inbox: memoryInbox({ clock }) }, clock);
    const seen: unknown[] = [];
    receiver.onTaskSucceeded((result) => void seen.push(result));
    receiver.onTaskSucceeded((result) => void seen.push(result)); // parsed from the stored body
    const event = sampleEvents.imageSucceeded();
    const text = JSON.stringify(event).replace(
      '"extra":{',
      '"extra":{"huge":1e400,"none":-0,"seen":["nwt1.abc.def.ghi"],',
    );
    const request = await signedDelivery(receiver, event);
    await receiver.handle({ ...request, body: text });
    await clock.flush();
    const entry = await receiver.inbox.get({ endpoint: 'novita', taskId });
    expect(entry?.body).toContain('"huge":null,"none":0,"seen":["[redacted]"]');
    expect(seen).toHaveLength(2);
    expect(seen[0]).toStrictEqual(entry && parseStoredBody(entry).result);
    expect(seen[0]).toStrictEqual(seen[1]);
  });

  test('cannot be changed by another handler', async () => {
    const { receiver, settle } = setUp();
    const seen: unknown[] = [];
    receiver.onTaskSucceeded(({ task }) => void Object.assign(task, { reason: 'changed' }));
    receiver.onTaskSucceeded(({ task }) => void seen.push(task.reason));
    await settle(sampleEvents.imageSucceeded());
    expect(seen).toEqual(['']);
  });
});
