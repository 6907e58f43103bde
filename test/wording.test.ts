// Calls what the packages export with values of wrong types, as plain JavaScript may.
import * as core from '@novita-webhooks/core';
import * as express from '@novita-webhooks/express';
import * as fastify from '@novita-webhooks/fastify';
import * as bullmq from '@novita-webhooks/inbox-bullmq';
import * as postgres from '@novita-webhooks/inbox-postgres';
import * as sqlite from '@novita-webhooks/inbox-sqlite';
import * as koa from '@novita-webhooks/koa';
import * as simulator from '@novita-webhooks/simulator';
import { createTestReceiver, sampleEvents } from '@novita-webhooks/testing';
import { expect, onTestFinished, test } from 'vitest';

const WRONG = [
  ...[null, 5, 'x', '', true, [], {}, () => 1, Symbol('s'), 1n],
  ...[
    { x: 1 },
    { path: 5 },
    { pool: 5 },
    { url: 5 },
    { secret: 1 },
    { endpoint: '' },
    { limit: 0 },
  ],
  ...[{ states: 'dead' }, { faults: { drop: 'x' } }, { taskMs: {} }, { retry: { delayMs: 1 } }],
];

/** The wording of zod, and a plural after 1. */
const RAW =
  /Invalid (input|option|key|string|element|discriminator)|Too (small|big)|Unrecognized|expected .*received|\b1 (characters|items)\b/;

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** @returns the errors of calls with each wrong value in each of the first places */
async function errorsOf(name: string, call: (...args: never[]) => unknown): Promise<string[]> {
  const calls = WRONG.flatMap((value) => [[value], ['a', value], ['a', {}, value]]);
  const errors = calls.map(async (args) => {
    try {
      const made: unknown = await call(...(args as never[]));
      if (hasClose(made)) await made.close();
      return [];
    } catch (error) {
      return [`${name}: ${messageOf(error)}`];
    }
  });
  return (await Promise.all(errors)).flat();
}

const hasClose = (value: unknown): value is { close(): Promise<void> } =>
  typeof (value as { close?: unknown } | null)?.close === 'function';

const MODULES = { core, express, fastify, bullmq, postgres, sqlite, koa, simulator };
const exported = Object.entries(MODULES).flatMap(([name, module]) =>
  Object.entries(module).flatMap(([key, value]) =>
    typeof value === 'function' && !key.endsWith('Error')
      ? [[`${name}.${key}`, value as (...args: never[]) => unknown] as const]
      : [],
  ),
);

test.each(exported)('%s: its errors have no wording of zod', async (name, call) => {
  const errors = await errorsOf(name, call);
  expect(errors.filter((error) => RAW.test(error))).toEqual([]);
});

/** Methods by name, without those that wait or end the object. */
const methodsOf = (object: object) =>
  Object.entries(object).filter(
    ([name, value]) => typeof value === 'function' && !/^(close|consume|idle|result)$/.test(name),
  ) as [string, (...args: never[]) => unknown][];

test('a receiver, its inbox and a simulator: their errors have no wording of zod', async () => {
  const receiver = createTestReceiver();
  onTestFinished(() => receiver.close());
  const novita = await simulator.createSimulator();
  onTestFinished(() => novita.close());
  const errors: string[] = [];
  for (const object of [receiver, receiver.inbox, novita, sampleEvents]) {
    for (const [name, call] of methodsOf(object)) errors.push(...(await errorsOf(name, call)));
  }
  expect(errors.length).toBeGreaterThan(100);
  expect(errors.filter((error) => RAW.test(error))).toEqual([]);
});
