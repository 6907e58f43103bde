import {
  resolveEntryQuery,
  type Entry,
  type EntryPage,
  type EntryQuery,
  type EntryState,
} from '@novita-webhooks/core';

import type { JobType } from 'bullmq';

import type { EndpointQueue, Queues } from '../bullmq/queues.ts';
import { readEntries } from './get.ts';

interface Found {
  readonly entry: Entry;
  readonly order: number;
}

interface Search {
  readonly state: EntryState | undefined;
  readonly limit: number;
  readonly before: number;
}

/** Jobs that are read in one go. */
const BATCH = 500;
/** Up to so many jobs in a state are looked at on their own; for more, the order is gone through. */
const FEW = 5000;

/** Lists entries, the latest arrival first. */
export async function list(queues: Queues, query: EntryQuery | undefined): Promise<EntryPage> {
  const { endpoint, state, limit, before } = resolveEntryQuery(query);
  const wanted = endpoint === undefined ? await queues.all() : [queues.of(endpoint)];
  const search = { state, limit: limit + 1, before };
  const found = await Promise.all(wanted.map((queue) => find(queue, search)));
  const all = found.flat().sort((one, other) => other.order - one.order);
  const page = all.slice(0, limit);
  return {
    entries: page.map(({ entry }) => entry),
    cursor: all.length > limit ? String(page.at(-1)?.order) : null,
  };
}

/** Ids whose jobs are gone stay in the order until they are deleted from it. */
async function find(queue: EndpointQueue, { state, limit, before }: Search): Promise<Found[]> {
  const next = await createSource(queue, state, before);
  const found: Found[] = [];
  while (found.length < limit) {
    const arrivals = await next(Math.min(BATCH, limit - found.length));
    if (arrivals.length === 0) break;
    const ids = arrivals.map(({ id }) => id);
    const entries = await readEntries(queue, ids);
    for (const [index, { order }] of arrivals.entries()) {
      const entry = entries[index];
      if (entry && (state === undefined || entry.state === state)) found.push({ entry, order });
    }
  }
  return found.slice(0, limit);
}

interface Arrival {
  readonly id: string;
  readonly order: number;
}

/** Hands out arrivals, the latest first. */
type Source = (count: number) => Promise<readonly Arrival[]>;

async function createSource(
  queue: EndpointQueue,
  state: EntryState | undefined,
  before: number,
): Promise<Source> {
  const few = state === undefined ? null : await fewIn(queue, state);
  if (few === null) return fromAll(queue, before, state === undefined ? 1 : BATCH);
  const left = (await withOrder(queue, few))
    .filter(({ order }) => order < before)
    .sort((one, other) => other.order - one.order);
  return async (count) => left.splice(0, count);
}

function fromAll(queue: EndpointQueue, before: number, atLeast: number): Source {
  let below = before === Infinity ? '+inf' : `(${before}`;
  return async (count) => {
    const wanted = Math.max(count, atLeast);
    const flat = await queue.redis((client) =>
      client.zrevrangebyscore(queue.arrivals, below, '-inf', 'WITHSCORES', 'LIMIT', 0, wanted),
    );
    const arrivals = Array.from({ length: flat.length / 2 }, (_, index) => ({
      id: flat[2 * index] ?? '',
      order: Number(flat[2 * index + 1]),
    }));
    below = `(${arrivals.at(-1)?.order ?? 0}`;
    return arrivals;
  };
}

/** BullMQ 6 knows no `paused` any more; 5 keeps there what waits in a paused queue. */
const TYPES: Readonly<Record<EntryState, readonly string[]>> = {
  pending: ['wait', 'paused', 'delayed', 'prioritized'],
  running: ['active'],
  done: ['completed'],
  dead: ['failed'],
};

/** The ids of the jobs in a state; `null` when they are many. */
async function fewIn(queue: EndpointQueue, state: EntryState): Promise<string[] | null> {
  const ids: string[] = [];
  for (const type of TYPES[state]) {
    ids.push(...(await queue.run((bullmq) => bullmq.getRanges([type as JobType], 0, FEW))));
  }
  return ids.length > FEW ? null : ids;
}

async function withOrder(queue: EndpointQueue, ids: readonly string[]): Promise<Arrival[]> {
  if (ids.length === 0) return [];
  const orders = await queue.redis((client) => client.zmscore(queue.arrivals, ...ids));
  return ids.flatMap((id, index) => {
    const order = orders[index];
    return order ? [{ id, order: Number(order) }] : [];
  });
}
