// What operators' questions cost in a large inbox, and what deliveries notice of a replay of all dead letters.
// See bench/README.md.
import { pollingInbox, type EntryQuery, type Inbox, type NewEntry } from '@novita-webhooks/core';
import { sqliteStore } from '@novita-webhooks/inbox-sqlite';
import { randomUUID } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, mkdtempSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { prefill } from '../growth/prefill.ts';
import { cache } from '../lib/bundle.ts';
import { deleteOnExit } from '../lib/clean-up.ts';
import { describeMachine } from '../lib/describe-machine.ts';
import { engines } from '../lib/engines/index.ts';
import { findEngines } from '../lib/engines/find-engines.ts';
import { readEventTemplate, toEvent } from '../lib/event-template.ts';
import { printTable } from '../lib/print-table.ts';
import { readNumbers } from '../lib/read-numbers.ts';
import { median } from '../lib/statistics.ts';
import { toLines } from './to-lines.ts';

const { entries, dead, rounds, rate } = readNumbers({
  entries: 1_000_000,
  dead: 200,
  rounds: 15,
  rate: 200,
});

const ENDPOINT = 'novita';
/** Adds go on before and after the replay for so long, in milliseconds. */
const LEAD_MS = 1000;
const template = readEventTemplate();

const DEAD = { states: ['dead'] } as const;
const NO_MATCH = 'no entry has this';
const QUERIES: Readonly<Record<string, EntryQuery>> = {
  'the newest': {},
  dead: DEAD,
  'dead, part of the reason without a match': { ...DEAD, reasonContains: NO_MATCH },
  'dead, by metadata': { ...DEAD, metadata: { orderId: 1 } },
  'metadata without a match': { metadata: { orderId: -1 } },
  'task type without a match': { taskType: NO_MATCH },
  'text of a task id without a match': { taskIdContains: NO_MATCH },
};

/** `BENCH_ENGINES=postgres` measures that engine. */
const NAME = process.env['BENCH_ENGINES'] ?? 'sqlite';

interface Opened {
  readonly inbox: Inbox;
  close(): Promise<void>;
}

async function openEngine(): Promise<Opened> {
  const [name] = await findEngines();
  if (name === undefined) throw new Error(`bench: no engine ${NAME}`);
  const place = await engines[name].createPlace();
  const { inbox, close } = await engines[name].open(place.location);
  const [ms] = await timed(() =>
    inbox.import(toLines({ entries, dead, endpoint: ENDPOINT, template })),
  );
  console.log(`import: ${entries} in ${(ms / 1000).toFixed(0)} s`);
  await place.maintain?.();
  return {
    inbox,
    async close() {
      await inbox.close();
      await close();
      await place.remove();
    },
  };
}

async function openFile(): Promise<Opened> {
  const folder = mkdtempSync(join(cache, 'operations-'));
  deleteOnExit(folder);
  const path = join(folder, 'webhooks.db');
  const inbox = pollingInbox(sqliteStore({ path, driver: 'libsql' }));
  await inbox.stats(); // creates the tables
  prefill({ path, entries, endpoint: ENDPOINT, until: Date.now(), template, deadLetters: dead });
  const file = openSync(path, 'r+');
  fsyncSync(file); // or the first syncs of the store wait for the whole file
  closeSync(file);
  return { inbox, close: () => inbox.close() };
}

async function timed<T>(work: () => Promise<T>): Promise<[ms: number, result: T]> {
  const startedAt = performance.now();
  const result = await work();
  return [performance.now() - startedAt, result];
}

async function measurePage(inbox: Inbox, [name, query]: [string, EntryQuery]) {
  const times: number[] = [];
  let page = await inbox.list({ ...query, bodies: false });
  for (let round = 0; round < rounds; round += 1) {
    const [ms, read] = await timed(() => inbox.list({ ...query, bodies: false }));
    times.push(ms);
    page = read;
  }
  const { entries: found, scanned } = page;
  return [name, String(found.length), String(scanned), median(times).toFixed(1)];
}

async function searchAll(inbox: Inbox): Promise<number> {
  let pages = 0;
  let cursor: string | undefined;
  do {
    const page = await inbox.list({ taskType: NO_MATCH, cursor });
    cursor = page.cursor ?? undefined;
    pages += 1;
  } while (cursor !== undefined);
  return pages;
}

function createEntry(): NewEntry {
  const taskId = randomUUID();
  return {
    ...{ endpoint: 'other', taskId, status: 'TASK_STATUS_SUCCEED', taskType: 'TXT_TO_IMG' },
    ...{ body: toEvent(template, taskId), schemaError: null, metadata: {}, testMode: false },
    ...{ receivedAt: Date.now(), source: 'delivery', traceparent: null, tokenId: null },
  };
}

/** Adds entries at a fixed rate until it is stopped. The time of each counts from when it was due. */
function addAtRate(inbox: Inbox) {
  const latencies: number[] = [];
  const startedAt = performance.now();
  const stopping = new AbortController();
  const adds: Promise<void>[] = [];
  const add = async (dueAt: number) => {
    await inbox.add(createEntry());
    latencies.push(performance.now() - dueAt);
  };
  const ended = (async () => {
    for (let count = 0; !stopping.signal.aborted; count += 1) {
      const dueAt = startedAt + (count * 1000) / rate;
      await pause(Math.max(0, dueAt - performance.now()));
      adds.push(add(dueAt));
    }
  })();
  return async () => {
    stopping.abort();
    await ended;
    await Promise.all(adds);
    return latencies;
  };
}

mkdirSync(cache, { recursive: true });
console.log(describeMachine(template));
console.log(`${NAME}: ${entries} entries, ${dead} of them dead; a page of 100 without bodies`);
const { inbox, close } = await (NAME === 'sqlite' ? openFile() : openEngine());
const [groupsMs, { groups }] = await timed(() => inbox.groups(DEAD));
const errorGroup = groups[0]?.errorGroup;
const queries = { ...QUERIES, 'dead, of one error': { ...DEAD, errorGroup } };
const rows: string[][] = [];
for (const query of Object.entries(queries)) rows.push(await measurePage(inbox, query));
printTable('pages', ['query', 'found', 'examined', 'median ms'], rows);

const [searchMs, pages] = await timed(() => searchAll(inbox));
console.log(`all ${pages} pages of a search without a match: ${searchMs.toFixed(0)} ms`);
console.log(`groups of the dead letters: ${groups.length} in ${groupsMs.toFixed(0)} ms`);

const stop = addAtRate(inbox);
await pause(LEAD_MS);
const [replayMs, { replayed }] = await timed(() => inbox.replayMany(DEAD));
await pause(LEAD_MS);
const latencies = (await stop()).toSorted((one, other) => one - other);
const p99 = latencies[Math.floor(latencies.length * 0.99)] ?? NaN;
console.log(`replayMany: ${replayed} in ${replayMs.toFixed(0)} ms`);
console.log(`meanwhile ${latencies.length} adds at ${rate} a second: p99 ${p99.toFixed(1)} ms`);
await close();
