import { createReceiver, memoryInbox } from '@novita-webhooks/core';
import { TEST_SECRET } from '@novita-webhooks/testing';
import { expect, test } from 'vitest';

import { noop, setUp } from './helpers.ts';

test.each<[string, Record<string, unknown>]>([
  ['handlers.concurrency: must be above 0', { handlers: { concurrency: 0 } }],
  ['handlers.concurrency: must be a whole number', { handlers: { concurrency: 1.5 } }],
  ['endpoint: must have at least 1 character', { endpoint: '' }],
  ['testEvents: must be "handle" or "ignore"', { testEvents: 'drop' }],
  ['confirm: must be true or false', { confirm: 'yes' }],
  ['secret: the list is empty. Make one', { secret: [] }],
  ['inbox: must be an inbox, such as memoryInbox() or sqliteInbox', { inbox: memoryInbox }],
])('createReceiver: says in plain words that %s', (message, options) => {
  const create = () => createReceiver({ secret: TEST_SECRET, ...options });
  expect(create).toThrow(`createReceiver: ${message}`);
});

test.each<[string, (receiver: ReturnType<typeof setUp>['receiver']) => unknown]>([
  [
    "handlers: filter.media: must be 'images' or 'videos' or 'audios', or a list of such.",
    (receiver) => receiver.onTaskSucceeded({ media: 'image' as never }, noop),
  ],
  [
    'handlers: a handler must be a function, not undefined. Pass the function itself',
    (receiver) => receiver.onTaskSucceeded(undefined as never),
  ],
  ['check: timeoutMs: must be a number', (it) => it.check({ timeoutMs: '5' as never })],
  ['check: options: must be a plain object', (it) => it.check('all' as never)],
  ['idle: options: must be a plain object', (it) => it.idle(500 as never)],
  [
    'processEntry: the message is not an entry (endpoint: must be a text',
    (it) => it.processEntry({}),
  ],
])('receiver: says in plain words that %s', async (message, call) => {
  const { receiver } = setUp();
  const made = async () => call(receiver);
  await expect(made()).rejects.toThrow(message);
});
