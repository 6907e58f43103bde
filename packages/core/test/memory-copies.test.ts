import { memoryStore } from '@novita-webhooks/core';
import { createTestEntry } from '@novita-webhooks/testing';
import { expect, test } from 'vitest';

const METADATA = { order: { id: 1 } };

async function setUpStore() {
  const store = memoryStore();
  const entry = createTestEntry({ metadata: structuredClone(METADATA) });
  await store.add(entry);
  return { store, entry };
}

/** Changes a value that its type declares as read-only, as code without types may. */
function spoil(value: { readonly metadata: unknown } | undefined): void {
  const { order } = value?.metadata as { order: { id: number } };
  order.id = 2;
}

test('memory store: keeps the metadata as it was when the entry was added', async () => {
  const { store, entry } = await setUpStore();
  spoil(entry);
  expect((await store.get(entry))?.metadata).toEqual(METADATA);
});

test('memory store: a change of what get returned changes nothing in the store', async () => {
  const { store, entry } = await setUpStore();
  const found = await store.get(entry);
  spoil(found);
  (found?.succeededHandlers as string[]).push('a');
  expect(await store.get(entry)).toMatchObject({ metadata: METADATA, succeededHandlers: [] });
});

test('memory store: a change of what list returned changes nothing in the store', async () => {
  const { store, entry } = await setUpStore();
  const [found] = (await store.list()).entries;
  spoil(found);
  (found?.succeededHandlers as string[]).push('a');
  expect(await store.get(entry)).toMatchObject({ metadata: METADATA, succeededHandlers: [] });
});

test('memory store: a change of a claim changes nothing in the store', async () => {
  const { store, entry } = await setUpStore();
  const [found] = await store.claim('novita', 1, 30_000);
  spoil(found);
  (found?.succeededHandlers as string[]).push('a');
  expect(await store.get(entry)).toMatchObject({ metadata: METADATA, succeededHandlers: [] });
});

test('memory store: metadata that is no data is refused, and the entry that it would replace stays', async () => {
  const store = memoryStore();
  const unfit = createTestEntry({ schemaError: 'no task' });
  await store.add(unfit);
  const fit = { ...unfit, schemaError: null, metadata: { order: () => undefined } };
  expect(() => store.add(fit)).toThrow('could not be cloned');
  expect((await store.get(unfit))?.schemaError).toBe('no task');
});

test('memory store: an entry of another inbox is added as a new one', async () => {
  const store = memoryStore();
  const done = { ...createTestEntry(), state: 'done', attempts: 3, dueAt: null, finishedAt: 1 };
  await store.add(done);
  expect(await store.get(done)).toMatchObject({ state: 'pending', attempts: 0, finishedAt: null });
});

test('memory store: a change of a replay that was found changes nothing in the store', async () => {
  const { store, entry } = await setUpStore();
  const [claim] = await store.claim('novita', 1, 30_000);
  if (claim === undefined) throw new Error('nothing to claim');
  await store.settle(claim, { type: 'done' });
  await store.replayEntries([{ endpoint: 'novita', taskId: entry.taskId }], { handlers: ['one'] });
  const found = await store.get(entry);
  (found?.partialReplay?.handlers as string[]).push('two');
  expect((await store.get(entry))?.partialReplay?.handlers).toEqual(['one']);
});
