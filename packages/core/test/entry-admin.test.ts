import {
  createEntryAdmin,
  memoryStore,
  resolveEntryQuery,
  scanEntries,
  type EntryPage,
  type EntryTable,
} from '@novita-webhooks/core';
import { createTestEntry, delivery, sampleEvents } from '@novita-webhooks/testing';
import { expect, test } from 'vitest';

import { ENDPOINT, setUp } from './helpers.ts';

const event = sampleEvents.imageSucceeded();
const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

/** Tables of a class, whose methods need `this`. */
class Table implements EntryTable {
  readonly #store = memoryStore();
  readonly cursors: (string | undefined)[] = [];
  /** Each page examines 60,000 entries, and no page is the last. */
  async list(query: Parameters<EntryTable['list']>[0]): Promise<EntryPage> {
    this.cursors.push(query?.cursor);
    const page = await this.#store.list({});
    return { ...page, scanned: 60_000, cursor: String(this.cursors.length) };
  }
  readonly get = this.#store.get;
  readonly replayEntries = this.#store.replayEntries;
  readonly discardEntries = this.#store.discardEntries;
  readonly stats = this.#store.stats;
  readonly close = this.#store.close;
}

test('groups: a call examines a bounded number of entries, and its cursor continues', async () => {
  const table = new Table();
  const admin = createEntryAdmin(table);
  const first = await admin.groups();
  expect(first).toMatchObject({ groups: [], scanned: 120_000 });
  await admin.groups({ cursor: first.cursor ?? undefined });
  expect(table.cursors).toEqual([undefined, '1', '2', '3']);
});

test('scanEntries: a page examines 10,000 entries, and its cursor continues', async () => {
  const store = memoryStore();
  for (let count = 0; count < 10_001; count += 1) await store.add(createTestEntry());
  const first = await store.list({ taskType: 'NONE' });
  expect(first).toMatchObject({ entries: [], scanned: 10_000 });
  const last = await store.list({ taskType: 'NONE', cursor: first.cursor ?? undefined });
  expect(last).toMatchObject({ entries: [], scanned: 1, cursor: null });
});

test('scanEntries: takes batches as they come', async () => {
  const query = resolveEntryQuery({ limit: 1 });
  const page = await scanEntries(query, [[], []], 5);
  expect(page).toEqual({ entries: [], cursor: null, scanned: 0, readAt: 5 });
});

test('an entry keeps the type of its task, its trace and the id of its token', async () => {
  const { receiver } = setUp();
  const url = await receiver.createCallbackUrl();
  const accept = async (taskId: string, target: string, traceparent?: string) => {
    const { headers, ...rest } = delivery(target, sampleEvents.imageSucceeded({ taskId }));
    await receiver.handle({ ...rest, headers: { ...headers, traceparent } });
    return receiver.inbox.get({ endpoint: 'novita', taskId });
  };
  const first = await accept('one', url, TRACEPARENT);
  expect(first).toMatchObject({ taskType: 'TXT_TO_IMG', traceparent: TRACEPARENT });
  expect(first?.source).toBe('delivery');
  const second = await accept('two', url, 'not a trace');
  expect(second?.traceparent).toBeNull();
  expect(second?.tokenId).toBe(first?.tokenId);
  const third = await accept('three', await receiver.createCallbackUrl());
  expect(third?.tokenId).not.toBe(first?.tokenId);
  expect(url).not.toContain(String(first?.tokenId)); // it is encoded in the claims
});

test('an entry without a token has no id of one', async () => {
  const { receiver } = setUp({ insecure: true });
  await receiver.handle(delivery(ENDPOINT, event));
  const [entry] = (await receiver.inbox.list()).entries;
  expect(entry?.tokenId).toBeNull();
});

test('an entry keeps a task type with a dot, as Novita writes it', async () => {
  const { receiver, deliver } = setUp();
  const event = sampleEvents.audioSucceeded({ task: { task_type: 'MINIMAX_SPEECH_2.6_HD' } });
  await deliver(event);
  const { entries } = await receiver.inbox.list({ taskType: 'MINIMAX_SPEECH_2.6_HD' });
  expect(entries).toHaveLength(1);
});
