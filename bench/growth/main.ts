// Compares the cost of an event in a small and in a large file. See bench/README.md.
import type { Claim, Clock, NewEntry, Store } from '@novita-webhooks/core';
import { sqliteStore } from '@novita-webhooks/inbox-sqlite';
import Database from 'libsql';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { readNumbers } from '../lib/read-numbers.ts';
import { bundle, cache } from '../lib/bundle.ts';
import { check } from '../lib/check.ts';
import { startChild } from '../lib/child.ts';
import { costOf, type Cost } from './cost.ts';
import { readEventTemplate, toEvent } from '../lib/event-template.ts';
import { deleteOnExit } from '../lib/clean-up.ts';
import { describeMachine } from '../lib/describe-machine.ts';
import type { PrefillOptions } from './prefill.ts';
import { medianOf } from '../lib/statistics.ts';
import { printTable } from '../lib/print-table.ts';

const { rounds, groups, few, many } = readNumbers({
  rounds: 9,
  groups: 20,
  few: 1_000,
  many: 1_000_000,
});

const ENDPOINT = 'novita';
const GROUP = 50;
const LEASE_MS = 30_000;
/** One read is too short to be timed. */
const READS = 50;
/** Target: cost with many entries in proportion to the cost with few. */
const MAX_RATIO = 1.3;
/** An upper bound of the disk space, with indexes and the write-ahead log. */
const MAX_BYTES_PER_ENTRY = 4000;
const EVENTS = groups * GROUP;

/** A clock that advances by 1 ms with each reading: no two entries have the same age. */
function createTickingClock(): Clock {
  let time = Date.now();
  return { now: () => (time += 1), after: () => () => undefined };
}

const clock = createTickingClock();
const template = readEventTemplate();

/** A file and the store on it. */
interface Subject {
  readonly entries: number;
  readonly path: string;
  readonly store: Store;
}

async function createSubject(folder: string, entries: number, prefill: string): Promise<Subject> {
  const path = join(folder, `${entries}.db`);
  const open = () => sqliteStore({ path, driver: 'libsql', clock }) as Store;
  const first = open();
  await first.stats(); // creates the tables
  await first.close();
  const filler = startChild<PrefillOptions, true>({ bundle: prefill });
  await filler.request({ path, entries, endpoint: ENDPOINT, until: clock.now(), template });
  await filler.end();
  return { entries, path, store: open() };
}

function createTestEntry(): NewEntry {
  const taskId = randomUUID();
  return {
    endpoint: ENDPOINT,
    taskId,
    status: 'TASK_STATUS_SUCCEED',
    body: toEvent(template, taskId),
    schemaError: null,
    metadata: { orderId: 42, tenant: 'acme' },
    testMode: false,
    receivedAt: clock.now(),
    ...{ taskType: 'TXT_TO_IMG', source: 'delivery', traceparent: null, tokenId: null },
  };
}

/** In the order of measurement. Each round deletes as many entries as it adds. */
const OPERATIONS = {
  add: 'add',
  claim: 'claim',
  settle: 'settle',
  stats: 'stats',
  nextDue: 'next due time',
  get: 'get',
  list: 'list, first page',
  listDone: 'list done entries, first page',
  listDead: 'list dead entries, first page',
  deleteExpired: 'deleteExpired',
} as const;

type Costs = Readonly<Record<keyof typeof OPERATIONS, Cost>>;

async function measure({ path, store }: Subject): Promise<Costs> {
  const entries = Array.from({ length: EVENTS }, createTestEntry);
  const claims: Claim[] = [];
  const reads = (read: (claim: Claim) => unknown) =>
    costOf(READS, async () => {
      for (const claim of claims.slice(0, READS)) await read(claim);
    });

  const add = await costOf(EVENTS, () => inGroups(entries, (entry) => store.add(entry)));
  const claim = await costOf(EVENTS, async () => {
    for (let group = 0; group < groups; group += 1) {
      claims.push(...(await store.claim(ENDPOINT, GROUP, LEASE_MS)));
    }
  });
  check(claims.length === EVENTS, `${claims.length} of ${EVENTS} entries were claimed`);
  const settle = await costOf(EVENTS, () =>
    inGroups(claims, async (claim) => {
      check(await store.settle(claim, { type: 'done' }), 'an entry was not settled');
    }),
  );
  return {
    add,
    claim,
    settle,
    stats: await reads(() => store.stats()),
    nextDue: await reads(() => store.nextDueMs(ENDPOINT)),
    get: await reads((claim) => store.get(claim)),
    list: await reads(() => store.list()),
    listDone: await reads(() => store.list({ states: ['done'] })),
    listDead: await reads(() => store.list({ states: ['dead'] })),
    deleteExpired: await deleteOldest(path, store),
  };
}

async function inGroups<T>(items: readonly T[], work: (item: T) => unknown) {
  for (let at = 0; at < items.length; at += GROUP) {
    await Promise.all(items.slice(at, at + GROUP).map(work));
  }
}

/** Deletes as many entries as were added. */
async function deleteOldest(path: string, store: Store): Promise<Cost> {
  const doneMs = clock.now() + 1 - finishTimeOfOldest(path, EVENTS);
  let deleted = 0;
  const cost = await costOf(EVENTS, async () => {
    deleted = await store.deleteExpired({ doneMs, deadMs: Number.MAX_SAFE_INTEGER });
  });
  check(deleted === EVENTS, `${deleted} of ${EVENTS} entries were deleted`);
  return cost;
}

/** Returns when the last of the `count` oldest done entries was finished. */
function finishTimeOfOldest(path: string, count: number): number {
  const database = new Database(path, { readonly: true });
  const sql = `SELECT finished_at FROM novita_entries WHERE state = 'done'
    AND finished_at IS NOT NULL ORDER BY finished_at LIMIT 1 OFFSET ?`;
  const row = database.prepare(sql).get(count - 1) as { finished_at: number };
  database.close();
  return row.finished_at;
}

const MIB = 1024 * 1024;

function checkSpace(folder: string): void {
  const { bavail, bsize } = statfsSync(folder);
  const needed = (few + many) * MAX_BYTES_PER_ENTRY;
  check(
    bavail * bsize > needed,
    `${folder} has less than ${Math.ceil(needed / MIB)} MiB of free space`,
  );
}

/** Builds the row of an operation: its cost with few and with many entries, and the ratio. */
function toRow(
  operation: keyof typeof OPERATIONS,
  small: readonly Costs[],
  large: readonly Costs[],
): { readonly row: readonly string[]; readonly isMet: boolean } {
  const pair = (of: (cost: Cost) => number) =>
    [small, large].map((all) => medianOf(all, (costs) => of(costs[operation]))) as [number, number];
  const wall = pair(({ wallUs }) => wallUs);
  const cpu = pair(({ cpuUs }) => cpuUs);
  const written = pair(({ writtenBytes }) => writtenBytes / 1024);
  const ratio = wall[1] / wall[0];
  const row = [
    OPERATIONS[operation],
    ...wall.map((us) => us.toFixed(1)),
    `${ratio.toFixed(2)}${ratio > MAX_RATIO ? ' !' : ''}`,
    ...cpu.map((us) => us.toFixed(1)),
    (cpu[1] / cpu[0]).toFixed(2),
    ...written.map((kib) => kib.toFixed(1)),
  ];
  return { row, isMet: ratio <= MAX_RATIO };
}

const { prefill } = await bundle();
const folder = mkdtempSync(join(cache, 'growth-'));
const removeFolder = deleteOnExit(folder);
checkSpace(folder);
console.log(describeMachine(template));

const began = performance.now();
const small = await createSubject(folder, few, prefill);
const large = await createSubject(folder, many, prefill);
const size = (statSync(large.path).size / MIB).toFixed(0);
console.log(`prefilled in ${((performance.now() - began) / 1000).toFixed(0)} s, ${size} MiB`);

await measure(small);
await measure(large);
const rssBefore = process.memoryUsage.rss();
const costs = { small: [] as Costs[], large: [] as Costs[] };
for (let round = 0; round < rounds; round += 1) {
  costs.small.push(await measure(small));
  costs.large.push(await measure(large));
}
const rss = [rssBefore, process.memoryUsage.rss()].map((bytes) => (bytes / MIB).toFixed(0));

const operations = Object.keys(OPERATIONS) as (keyof typeof OPERATIONS)[];
const rows = operations.map((operation) => toRow(operation, costs.small, costs.large));
printTable(
  `Per event or call, with ${few} and ${many} entries; ${rounds} rounds of ${EVENTS} events in ` +
    `groups of ${GROUP}, medians`,
  [
    'operation',
    `µs, ${few}`,
    `µs, ${many}`,
    `ratio (≤ ${MAX_RATIO})`,
    'CPU µs',
    'CPU µs',
    'ratio',
    'KiB written',
    'KiB written',
  ],
  rows.map(({ row }) => row),
);
console.log(`resident memory: ${rss[0]} MiB after the first round, ${rss[1]} MiB after the last`);
console.log(rows.every(({ isMet }) => isMet) ? 'target met' : 'TARGET MISSED');
await small.store.close();
await large.store.close();
removeFolder();
