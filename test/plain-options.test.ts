import {
  createReceiver,
  exponentialBackoff,
  createTaskResultClient,
  memoryInbox,
  memoryStore,
  pollingInbox,
} from '@novita-webhooks/core';
import { bullmqInbox } from '@novita-webhooks/inbox-bullmq';
import {
  migratePostgres,
  migrationSql,
  postgresInbox,
  postgresStore,
} from '@novita-webhooks/inbox-postgres';
import { sqliteInbox, sqliteStore } from '@novita-webhooks/inbox-sqlite';
import { createSimulator, toSimulatorOptions } from '@novita-webhooks/simulator';
import {
  createFakeInbox,
  createTestEntry,
  createTestReceiver,
  deliver,
  sampleEvents,
} from '@novita-webhooks/testing';
import { expect, test } from 'vitest';

const receiver = createReceiver({
  secret: 'f3a9c1d47be2605811aa9d0c4be73f26',
  url: 'https://example.com/hook',
  logger: false,
});

/** Each call with options, by its name. */
const CALLS: Readonly<Record<string, (options: never) => unknown>> = {
  createReceiver,
  createTaskResultClient,
  memoryInbox,
  memoryStore,
  pollingInbox: (options) => pollingInbox(memoryStore(), options),
  retention: (retention) => memoryInbox({ retention }),
  limits: (limits) => createReceiver({ limits }),
  bullmqInbox,
  migratePostgres,
  migrationSql,
  postgresInbox,
  postgresStore,
  sqliteInbox,
  sqliteStore,
  createSimulator,
  faults: (faults) => createSimulator({ faults }),
  toSimulatorOptions,
  createFakeInbox,
  createTestReceiver,
  createTestEntry,
  deliver: (options) => deliver(createTestReceiver(), sampleEvents.failed(), options),
  sampleEvents: (options) => sampleEvents.failed(options),
  exponentialBackoff,
  list: (options) => receiver.inbox.list(options),
  groups: (options) => receiver.inbox.groups(options),
  createCallback: (options) => receiver.createCallback(options),
  submit: (options) => receiver.submit(() => ({ task_id: 'a' }), options),
  expect: (options) => receiver.expect('a', options),
  result: (options) => receiver.result('a', options),
  check: (options) => receiver.check(options),
  idle: (options) => receiver.idle(options),
  close: (options) => receiver.close(options),
};

class Options {
  readonly clock = undefined;
}

const OTHER_OBJECTS: readonly (readonly [string, object])[] = [
  ['a list', []],
  ['a Map', new Map()],
  ['a promise', Promise.resolve({})],
  ['a date', new Date()],
  ['an object of a class', new Options()],
  ['an object with inherited members', Object.create({ clock: undefined }) as object],
];

const calls = Object.entries(CALLS).flatMap(([name, call]) =>
  OTHER_OBJECTS.map(([what, options]) => [name, what, call, options] as const),
);

test.each(calls)('%s: refuses %s as options', async (_name, _what, call, options) => {
  const calling = async () => call(options as never);
  await expect(calling()).rejects.toThrow(/must be a plain object|must be an object|expected/);
});

test.each(Object.entries(CALLS))('%s: names an unknown option', async (_name, call) => {
  const calling = async () => call({ misspelledOption: 1 } as never);
  await expect(calling()).rejects.toThrow('misspelledOption');
});
