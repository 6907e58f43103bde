import {
  type ConsumeOptions,
  type Consumer,
  type Inbox,
  type Logger,
  type NewEntry,
  type EntryProcessor,
  type Store,
} from '@novita-webhooks/core';
import { bullmqInbox, type BullmqInboxOptions } from '@novita-webhooks/inbox-bullmq';
import { Queue } from 'bullmq';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach } from 'vitest';

import { bullmqStore } from '../../src/bullmq-store.ts';
import { toStoreOptions } from '../../src/options.ts';
import { createPlace, type Place } from './place.ts';

export { createTestEntry } from '@novita-webhooks/testing';

const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Is done after the test, the last one first. */
export function afterwards(close: () => Promise<unknown>): void {
  closers.push(close);
}

/** A place of its own for a test. */
export function usePlace(url: string): Place {
  const place = createPlace(url);
  afterwards(() => place.remove());
  return place;
}

/** An inbox at a place; closed after the test. */
export function useInbox(
  url: string,
  { prefix }: Pick<Place, 'prefix'>,
  options: Partial<BullmqInboxOptions> = {},
): Inbox {
  const inbox = bullmqInbox({
    connection: url,
    prefix,
    leaseDurationMs: 400,
    pollIntervalMs: 100,
    ...options,
  });
  afterwards(() => inbox.close());
  return inbox;
}

/** The store of an inbox at a place; closed after the test. */
export function useStore(
  url: string,
  { prefix }: Pick<Place, 'prefix'>,
  options: Partial<BullmqInboxOptions> = {},
): Store {
  const store = bullmqStore(toStoreOptions({ connection: url, prefix, ...options }));
  store.open?.(silent);
  afterwards(() => store.close());
  return store;
}

/** The queue of an endpoint, as a dashboard has it. */
export function useQueue({ prefix, redis }: Place, endpoint = 'novita'): Queue {
  const queue = new Queue(`novita-webhooks.${endpoint}`, { connection: redis, prefix });
  queue.on('error', () => undefined);
  afterwards(() => queue.close());
  return queue;
}

const ignore = () => undefined;
export const silent: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

/** Stopped after the test, without grace. */
export function useConsumption(
  inbox: Inbox,
  run: EntryProcessor,
  options: Partial<ConsumeOptions> = {},
): Consumer {
  const consumption = inbox.consume(run, {
    endpoint: 'novita',
    concurrency: 10,
    log: silent,
    onSettled: ignore,
    ...options,
  });
  afterwards(() => consumption.stop({ gracePeriodMs: 0 }));
  return consumption;
}

export async function until(what: string, isSo: () => unknown, timeoutMs = 8000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`never came true: ${what}`);
    await pause(10);
  }
}

export async function stateOf(inbox: Inbox, entry: NewEntry): Promise<string | undefined> {
  return (await inbox.get(entry))?.state;
}
