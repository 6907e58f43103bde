import { setImmediate, setTimeout } from 'node:timers/promises';

import type { Claim, Outcome } from '@novita-webhooks/core';

import { entryOf } from './test-entries.ts';
import type { Subject } from './stores-under-test.ts';

const LANES = 50;
const ROUNDS = 4;
const CLAIM = 50;
const MINUTE = 60_000;
/** A store leaves a disk alone for a while after it failed. */
const AFTER_REFUSAL_MS = 100;
const RETENTION = { doneMs: 0, deadMs: 1000 * MINUTE };

/** Where a store lives, and where a promise that it gave is written down. */
export interface Scene {
  open(): Promise<Subject>;
  ack(line: string): void;
}

/**
 * Adds, claims, settles and purges as receivers do, and writes down every promise as soon as it is
 * given. Two stores share the file, as two processes would. In between everything is closed and
 * opened again; at the end it is not.
 */
export async function work(scene: Scene, entries: number): Promise<void> {
  const perRound = Math.ceil(entries / ROUNDS);
  for (let round = 0; round < ROUNDS; round += 2) {
    const stores = [await scene.open(), await scene.open()] as const;
    await workRound(stores, scene, round * perRound, (round + 1) * perRound);
    const purging = purge(stores[0], scene);
    await workRound(stores, scene, (round + 1) * perRound, (round + 2) * perRound);
    await purging;
    if (round + 2 === ROUNDS) return;
    for (const store of stores) await store.close();
  }
}

async function workRound(stores: Stores, scene: Scene, from: number, to: number): Promise<void> {
  const adding = addAll(stores, scene, from, to);
  await Promise.all([adding, ...stores.map((store) => settleUntil(adding, store, scene))]);
}

type Stores = readonly [Subject, Subject];

async function addAll(stores: Stores, scene: Scene, from: number, to: number): Promise<void> {
  let next = from;
  const lane = async () => {
    while (next < to) {
      const id = next++;
      await addOnce(stores, scene, id);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

/**
 * Some are delivered several times: to the same store at once, to another store at once, and to
 * another store while the first one has committed but may not have synced. "Duplicate" is as much
 * of a promise as "added".
 */
async function addOnce([first, second]: Stores, scene: Scene, id: number): Promise<void> {
  const entry = entryOf(`t-${id}`);
  const add = async (store: Subject) => {
    const answer = await attempt(store.add(entry));
    if (answer !== undefined) scene.ack(`${answer} ${entry.taskId}`);
  };
  const kind = id % 10;
  const later = async () => {
    await setImmediate();
    await add(second);
  };
  if (kind === 1) await Promise.all([add(first), add(first)]);
  else if (kind === 3) await Promise.all([add(first), add(second)]);
  else if (kind === 5 || kind === 7) await Promise.all([add(first), later()]);
  else await add(kind === 9 ? second : first);
}

async function settleUntil(done: Promise<void>, store: Subject, scene: Scene): Promise<void> {
  const adding = { isOver: false };
  const over = done.finally(() => (adding.isOver = true));
  for (;;) {
    const claims = (await attempt(store.claim('novita', CLAIM, MINUTE))) ?? [];
    for (const { taskId, attempts } of claims) scene.ack(`claimed ${taskId} ${attempts}`);
    await Promise.all(claims.map((claim) => settle(store, claim, scene)));
    // Some are to be left over, in the state that they have.
    if (adding.isOver) return over;
    await setImmediate();
  }
}

async function settle(store: Subject, claim: Claim, scene: Scene): Promise<void> {
  const outcome = outcomeOf(claim);
  if (outcome === undefined) return;
  const what = `${claim.taskId} ${outcome.type} ${claim.attempts}`;
  scene.ack(`settling ${what}`);
  if (await attempt(store.settle(claim, outcome))) scene.ack(`settled ${what}`);
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

async function purge(store: Subject, scene: Scene): Promise<void> {
  scene.ack('purging');
  while (((await attempt(store.deleteExpired(RETENTION))) ?? 0) > 0);
  scene.ack('purged');
}

/** With syncs that fail, a store may refuse: then it has promised nothing. */
const attempt = <T>(promise: Promise<T>): Promise<T | undefined> =>
  promise.catch(() => setTimeout(AFTER_REFUSAL_MS, undefined));
