import { setImmediate, setTimeout } from 'node:timers/promises';

import type { Claim, Outcome } from '@novita-webhooks/core';

import type { StoreUnderTest } from './stores-under-test.ts';
import { entryOf } from './test-entries.ts';

const CONCURRENT_ADDS = 50;
const ROUNDS = 4;
const CLAIM_LIMIT = 50;
const MINUTE_MS = 60_000;
/** A store does not use a file for a while after an error. */
const DELAY_AFTER_ERROR_MS = 100;
const RETENTION = { doneMs: 0, deadMs: 1000 * MINUTE_MS };

/** Opens the store under test, and records the history of its acknowledgements. */
export interface WorkloadContext {
  open(): Promise<StoreUnderTest>;
  record(line: string): void;
}

type Stores = readonly [StoreUnderTest, StoreUnderTest];

/**
 * Adds, claims, settles and deletes entries as receivers do, and records every acknowledgement at
 * once. Two stores share the file, as two processes would. They are closed and reopened once in the
 * middle, and not closed at the end.
 */
export async function runWorkload(context: WorkloadContext, entries: number): Promise<void> {
  const perRound = Math.ceil(entries / ROUNDS);
  for (let round = 0; round < ROUNDS; round += 2) {
    const stores = [await context.open(), await context.open()] as const;
    await runRound(stores, context, round * perRound, (round + 1) * perRound);
    const deleting = deleteExpired(stores[0], context);
    await runRound(stores, context, (round + 1) * perRound, (round + 2) * perRound);
    await deleting;
    if (round + 2 === ROUNDS) return;
    for (const store of stores) await store.close();
  }
}

async function runRound(
  stores: Stores,
  context: WorkloadContext,
  from: number,
  to: number,
): Promise<void> {
  const adding = addAll(stores, context, from, to);
  await Promise.all([adding, ...stores.map((store) => settleUntil(adding, store, context))]);
}

async function addAll(
  stores: Stores,
  context: WorkloadContext,
  from: number,
  to: number,
): Promise<void> {
  let next = from;
  const addInTurn = async () => {
    while (next < to) {
      const id = next++;
      await addEntry(stores, context, id);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT_ADDS }, addInTurn));
}

/**
 * Adds an entry, some entries several times: to the same store and to the other store at the same
 * time, and to the other store while the first one has committed but may not have synced.
 * "duplicate" acknowledges as much as "added".
 */
async function addEntry(
  [first, second]: Stores,
  context: WorkloadContext,
  id: number,
): Promise<void> {
  const entry = entryOf(`t-${id}`);
  const add = async (store: StoreUnderTest) => {
    const result = await attempt(store.add(entry));
    if (result !== undefined) context.record(`${result} ${entry.taskId}`);
  };
  const kind = id % 10;
  const addLater = async () => {
    await setImmediate();
    await add(second);
  };
  if (kind === 1) await Promise.all([add(first), add(first)]);
  else if (kind === 3) await Promise.all([add(first), add(second)]);
  else if (kind === 5 || kind === 7) await Promise.all([add(first), addLater()]);
  else await add(kind === 9 ? second : first);
}

async function settleUntil(
  done: Promise<void>,
  store: StoreUnderTest,
  context: WorkloadContext,
): Promise<void> {
  const adding = { isOver: false };
  const over = done.finally(() => (adding.isOver = true));
  for (;;) {
    const claims = (await attempt(store.claim('novita', CLAIM_LIMIT, MINUTE_MS))) ?? [];
    for (const { taskId, attempts } of claims) context.record(`claimed ${taskId} ${attempts}`);
    await Promise.all(claims.map((claim) => settle(store, claim, context)));
    // Leaves some entries in the state that they have.
    if (adding.isOver) return over;
    await setImmediate();
  }
}

async function settle(
  store: StoreUnderTest,
  claim: Claim,
  context: WorkloadContext,
): Promise<void> {
  const outcome = outcomeOf(claim);
  if (outcome === undefined) return;
  const detail = `${claim.taskId} ${outcome.type} ${claim.attempts}`;
  context.record(`settling ${detail}`);
  if (await attempt(store.settle(claim, outcome))) context.record(`settled ${detail}`);
}

function outcomeOf({ taskId, attempts }: Claim): Outcome | undefined {
  const kind = Number(taskId.slice(2)) % 20;
  if (kind === 4) return undefined;
  if (kind === 8) return { type: 'dead', reason: 'it cannot work', succeededHandlers: [] };
  if (kind === 12 && attempts < 3) {
    return { type: 'retry', delayMs: 0, reason: 'it failed', succeededHandlers: [] };
  }
  return { type: 'done' };
}

async function deleteExpired(store: StoreUnderTest, context: WorkloadContext): Promise<void> {
  context.record('deleting');
  while (((await attempt(store.deleteExpired(RETENTION))) ?? 0) > 0);
  context.record('deleted');
}

/** Ignores rejections: when a sync fails, a store may reject, and then it has acknowledged nothing. */
const attempt = <T>(promise: T | Promise<T>): Promise<T | undefined> =>
  Promise.resolve(promise).catch(() => setTimeout(DELAY_AFTER_ERROR_MS, undefined));
