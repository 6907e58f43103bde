// What the calls of the PostgreSQL store cost, one by one: what the simulation is fed with. See README.md.
import type { Claim, Store } from '@novita-webhooks/core';
import { postgresStore } from '@novita-webhooks/inbox-postgres';
import { randomBytes } from 'node:crypto';
import pg from 'pg';

import { eventMaker } from '../engines/adding.ts';
import { cpuOfTree } from '../engines/cpu-of-tree.ts';
import { readNumbers } from '../support/arguments.ts';
import { check } from '../support/checks.ts';
import { readEventTemplate } from '../support/event.ts';
import { printTable } from '../support/table.ts';

const { singles, groups } = readNumbers({ singles: 1000, groups: 100 });
const GROUP = 50;
const LEASE_MS = 600_000;
const ENDPOINT = 'novita';

const url = process.env['DATABASE_URL'] ?? 'postgres://postgres@127.0.0.1:5432/postgres';
const schema = `bench_${randomBytes(6).toString('hex')}`;
const watcher = new pg.Client({ connectionString: url });
const pool = new pg.Pool({ connectionString: url, max: 10 });
const store = postgresStore({ pool, schema, listen: false }) as Store;
const newEvent = eventMaker(readEventTemplate());

/** Of one call, in microseconds. */
interface Price {
  readonly wallUs: number;
  readonly clientUs: number;
  readonly engineUs: number;
}

async function priceOf(calls: number, call: () => Promise<unknown>): Promise<Price> {
  const { rows } = await watcher.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const pid = rows[0]?.pid ?? NaN;
  const engineMs = cpuOfTree(pid);
  const client = process.cpuUsage();
  const began = performance.now();
  for (let index = 0; index < calls; index += 1) await call();
  const wallMs = performance.now() - began;
  const { user, system } = process.cpuUsage(client);
  return {
    wallUs: (wallMs * 1000) / calls,
    clientUs: (user + system) / calls,
    engineUs: ((cpuOfTree(pid) - engineMs) * 1000) / calls,
  };
}

const claims: Claim[] = [];

function addMany(count: number): Promise<unknown> {
  return Promise.all(Array.from({ length: count }, () => store.add(newEvent())));
}

async function claimMany(count: number): Promise<void> {
  const claimed = await store.claim(ENDPOINT, count, LEASE_MS);
  check(claimed.length === count, `${claimed.length} of ${count} were claimed`);
  claims.push(...claimed);
}

async function settleMany(count: number): Promise<void> {
  const settled = await Promise.all(
    claims.splice(0, count).map((claim) => store.settle(claim, { type: 'done' })),
  );
  check(settled.length === count && settled.every(Boolean), 'an entry was not settled');
}

let turn = 0;

/** One after the other: a row that is changed a thousand times in a row is none that there is. */
async function extendOne(): Promise<void> {
  const claim = claims[(turn += 1) % claims.length];
  check(claim !== undefined && (await store.extend(claim, LEASE_MS)), 'a lease was not extended');
}

async function measure(): Promise<[string, Price][]> {
  const prices: [string, Price][] = [];
  const price = async (name: string, calls: number, call: () => Promise<unknown>) => {
    prices.push([name, await priceOf(calls, call)]);
  };
  const tryAll = async (count: number, calls: number) => {
    await price(`add ${count}`, calls, () => addMany(count));
    await price(`claim ${count}`, calls, () => claimMany(count));
    await price(`extend 1 (${claims.length} running)`, singles, extendOne);
    await price(`settle ${count}`, calls, () => settleMany(count));
  };
  await tryAll(1, singles);
  await tryAll(GROUP, groups);
  await price('claim that finds nothing', singles, () => store.claim(ENDPOINT, 10, LEASE_MS));
  await price('nextDueMs', singles, () => store.nextDueMs(ENDPOINT));
  const done = { endpoint: ENDPOINT, taskId: 'nobody' };
  await price('get', singles, () => store.get(done));
  await price('purge that finds nothing', 100, () =>
    store.deleteExpired({ doneMs: LEASE_MS * 1000, deadMs: LEASE_MS * 1000 }),
  );
  await price('notify', singles, () => pool.query("SELECT pg_notify('nobody', 'novita')"));
  await price('nothing (SELECT 1)', singles, () => pool.query('SELECT 1'));
  return prices;
}

await watcher.connect();
try {
  await store.stats(); // makes the tables
  await addMany(GROUP);
  await claimMany(GROUP);
  await settleMany(GROUP);
  await measure(); // to warm up
  const rows = (await measure()).map(([name, { wallUs, clientUs, engineUs }]) => [
    name,
    ...[wallUs, clientUs, engineUs].map((us) => us.toFixed(0)),
  ]);
  printTable('Of a call, in microseconds', ['', 'passed', 'client CPU', 'engine CPU'], rows);
} finally {
  await store.close();
  await pool.end();
  await watcher.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
  await watcher.end();
}
