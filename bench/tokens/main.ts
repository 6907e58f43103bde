// What tokens for one task cost `add`: adds with such tokens and with reusable ones take turns in one
// inbox. See bench/README.md.
import { isBoundToken } from '@novita-webhooks/core';
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';

import { createEventFactory } from '../engines/add-events.ts';
import { cache } from '../lib/bundle.ts';
import { check } from '../lib/check.ts';
import { describeMachine } from '../lib/describe-machine.ts';
import type { Opened } from '../lib/engines/engine.ts';
import { findEngines } from '../lib/engines/find-engines.ts';
import { engines } from '../lib/engines/index.ts';
import { readEventTemplate } from '../lib/event-template.ts';
import { printTable } from '../lib/print-table.ts';
import { readNumbers } from '../lib/read-numbers.ts';
import { median } from '../lib/statistics.ts';

const { rounds, adds, callers, entries } = readNumbers({
  rounds: 100,
  adds: 400,
  callers: 20,
  entries: 50_000,
});

const template = readEventTemplate();
const newEvent = createEventFactory(template);

/** Milliseconds between the submit call of a task and its event, at most. */
const MAX_TASK_MS = 30_000;

/** As a receiver mints them: the time, and random bytes. */
function newNonce(): string {
  const nonce = randomBytes(15);
  nonce.writeUIntBE(Math.round(Date.now() - Math.random() * MAX_TASK_MS), 0, 6);
  return nonce.toString('base64url');
}

const newTokenId = { bound: () => `once:${newNonce()}`, reusable: newNonce };
type Kind = keyof typeof newTokenId;

/** Adds entries with as many callers at a time. Resolves to the milliseconds of it. */
async function addMany({ inbox }: Opened, kind: Kind, count: number): Promise<number> {
  const made = Array.from({ length: count }, () => ({
    ...newEvent(),
    tokenId: newTokenId[kind](),
  }));
  check(
    made.every(({ tokenId }) => isBoundToken(tokenId) === (kind === 'bound')),
    'the token ids are not of this kind',
  );
  const startedAt = performance.now();
  const next = made.values();
  const call = async () => {
    for (const entry of next) check((await inbox.add(entry)) === 'added', 'an entry was not added');
  };
  await Promise.all(Array.from({ length: callers }, call));
  return performance.now() - startedAt;
}

/** In each round both kinds, in turns the one or the other first: a disturbance affects both. */
async function measure(opened: Opened): Promise<readonly Record<Kind, number>[]> {
  const times: Record<Kind, number>[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const first = round % 2 === 0 ? await addMany(opened, 'bound', adds) : null;
    const reusable = await addMany(opened, 'reusable', adds);
    times.push({ reusable, bound: first ?? (await addMany(opened, 'bound', adds)) });
  }
  return times;
}

mkdirSync(cache, { recursive: true });
console.log(describeMachine(template));
console.log(`${rounds} rounds of ${adds} adds by ${callers} callers, after ${entries} entries`);
const rows: string[][] = [];
for (const name of await findEngines()) {
  const place = await engines[name].createPlace();
  const opened = await engines[name].open(place.location);
  await addMany(opened, 'bound', entries);
  const times = await measure(opened);
  const perSecond = (kind: Kind) => Math.round((1000 * adds) / median(times.map((it) => it[kind])));
  const ratios = times.map(({ bound, reusable }) => bound / reusable).toSorted((a, b) => a - b);
  const at = (part: number) => (ratios[Math.floor(part * ratios.length)] ?? NaN).toFixed(3);
  const ofAll =
    times.reduce((sum, { bound }) => sum + bound, 0) /
    times.reduce((sum, { reusable }) => sum + reusable, 0);
  rows.push([
    ...[name, String(perSecond('reusable')), String(perSecond('bound'))],
    ...[at(0.5), `${at(0.25)}…${at(0.75)}`, ofAll.toFixed(3)],
  ]);
  await opened.inbox.close();
  await opened.close();
  await place.remove();
}
const head = ['engine', 'reusable/s', 'bound/s', 'time bound : reusable', 'quartiles', 'of all'];
printTable('adds', head, rows);
process.exit();
