import {
  resolveEntryQuery,
  scanEntries,
  type EntryPage,
  type EntryQuery,
  type StoredState,
  type ResolvedEntryQuery,
  type ScannedEntry,
} from '@novita-webhooks/core';
import type { JobType } from 'bullmq';

import type { EndpointQueue, Queues } from '../bullmq/queues.ts';
import { readEntries } from './get.ts';

/** Bounds the memory of a search: BullMQ reads jobs with their bodies, of up to a MiB each. */
const BATCH = 100;
/** Up to so many jobs in the wanted states are read on their own. For more, the order is gone through. */
const FEW = 5000;

interface Arrival {
  readonly queue: EndpointQueue;
  readonly id: string;
  readonly order: number;
}

/** What of the order of arrival is still to be looked at. */
type Range = Pick<ResolvedEntryQuery, 'before' | 'after'>;

/** Returns the first arrivals of one queue in a range, in the order of the query. */
type Source = (range: Range, count: number) => Promise<readonly Arrival[]>;

/** Lists entries in the order of their arrival. BullMQ cannot search: the entries are read one by one. */
export async function list(queues: Queues, query: EntryQuery | undefined): Promise<EntryPage> {
  const resolved = resolveEntryQuery(query);
  const { endpoint } = resolved.filter;
  const wanted = endpoint === undefined ? await queues.all() : [queues.of(endpoint)];
  return scanEntries(resolved, walk(wanted, resolved), Date.now());
}

/** Yields the entries of all queues in one order. */
async function* walk(
  queues: readonly EndpointQueue[],
  query: ResolvedEntryQuery,
): AsyncGenerator<readonly ScannedEntry[]> {
  const { order, limit } = query;
  const sources = await Promise.all(queues.map((queue) => createSource(queue, query)));
  let range: Range = query;
  let size = Math.min(limit + 1, BATCH);
  for (;;) {
    const found = await Promise.all(sources.map((source) => source(range, size)));
    const arrivals = found.flat().sort(inOrder(order)).slice(0, size);
    const last = arrivals.at(-1)?.order;
    if (last === undefined) return;
    yield (await readAll(arrivals)).sort(inOrder(order));
    range = beyond(range, order, last);
    size = Math.min(2 * size, BATCH);
  }
}

function beyond(range: Range, order: ResolvedEntryQuery['order'], last: number): Range {
  return order === 'newest' ? { ...range, before: last } : { ...range, after: last };
}

function inOrder(order: ResolvedEntryQuery['order']) {
  const sign = order === 'newest' ? -1 : 1;
  return (one: { readonly order: number }, other: { readonly order: number }) =>
    sign * (one.order - other.order);
}

/** Ids whose jobs are gone stay in the order until they are deleted from it. */
async function readAll(arrivals: readonly Arrival[]): Promise<ScannedEntry[]> {
  const queues = [...new Set(arrivals.map(({ queue }) => queue))];
  const read = queues.map(async (wanted) => {
    const own = arrivals.filter(({ queue }) => queue === wanted);
    const entries = await readEntries(
      wanted,
      own.map(({ id }) => id),
    );
    return own.flatMap(({ order }, index) => {
      const entry = entries[index];
      return entry ? [{ entry, order }] : [];
    });
  });
  return (await Promise.all(read)).flat();
}

async function createSource(queue: EndpointQueue, query: ResolvedEntryQuery): Promise<Source> {
  const { order, storedStates } = query;
  const few = storedStates && (await fewIn(queue, storedStates));
  if (!few) return inFinishedSets(queue, query, (...of) => arrivalsIn(queue, order, ...of));
  const arrivals = (await withOrder(queue, few)).sort(inOrder(order));
  return async ({ before, after }, count) =>
    arrivals.filter(({ order }) => order < before && order > after).slice(0, count);
}

/** Arrivals that are skipped beside each wanted one: to look an id up costs far less than to read a job. */
const SPARE = 4;

/** Leaves out the arrivals in other states, if Redis can tell without reading the jobs. */
function inFinishedSets(
  queue: EndpointQueue,
  { order, storedStates }: ResolvedEntryQuery,
  source: Source,
): Source {
  if (!storedStates?.every((state) => state === 'done' || state === 'dead')) return source;
  const types = storedStates.flatMap((state) => TYPES[state]);
  return async (range, count) => {
    const wanted: Arrival[] = [];
    for (let rest = range; ;) {
      const arrivals = await source(rest, SPARE * count);
      wanted.push(...(await keepIn(queue, types, arrivals)));
      const last = arrivals.at(-1);
      if (last === undefined || wanted.length >= count) return wanted.slice(0, count);
      rest = beyond(rest, order, last.order);
    }
  };
}

async function keepIn(
  queue: EndpointQueue,
  types: readonly string[],
  arrivals: readonly Arrival[],
): Promise<readonly Arrival[]> {
  if (arrivals.length === 0) return [];
  const ids = arrivals.map(({ id }) => id);
  const keys = await queue.run(async ({ toKey }) => types.map(toKey));
  const scores = await queue.redis((client) =>
    Promise.all(keys.map((key) => client.zmscore(key, ...ids))),
  );
  return arrivals.filter((_, index) => scores.some((of) => of[index] !== null));
}

async function arrivalsIn(
  queue: EndpointQueue,
  order: ResolvedEntryQuery['order'],
  range: Range,
  count: number,
): Promise<readonly Arrival[]> {
  const [before, after] = [`(${range.before}`, `(${range.after}`] as const;
  const limits = ['WITHSCORES', 'LIMIT', 0, count] as const;
  const flat = await queue.redis((client) =>
    order === 'newest'
      ? client.zrevrangebyscore(queue.arrivals, before, after, ...limits)
      : client.zrangebyscore(queue.arrivals, after, before, ...limits),
  );
  return Array.from({ length: flat.length / 2 }, (_, index) => ({
    queue,
    id: flat[2 * index] ?? '',
    order: Number(flat[2 * index + 1]),
  }));
}

/** BullMQ 6 knows no `paused` any more; 5 keeps there what waits in a paused queue. */
const TYPES: Readonly<Record<StoredState, readonly string[]>> = {
  pending: ['wait', 'paused', 'delayed', 'prioritized'],
  running: ['active'],
  done: ['completed'],
  dead: ['failed'],
};

/**
 * The ids of the jobs in some states; `null` when they are many. All in one command: between two, a job
 * could pass from one state to the other and be in neither.
 */
async function fewIn(
  queue: EndpointQueue,
  states: readonly StoredState[],
): Promise<readonly string[] | null> {
  const types = [...new Set(states.flatMap((state) => TYPES[state]))] as JobType[];
  const ids = new Set(await queue.run((bullmq) => bullmq.getRanges(types, 0, FEW)));
  return ids.size > FEW ? null : [...ids];
}

async function withOrder(queue: EndpointQueue, ids: readonly string[]): Promise<Arrival[]> {
  if (ids.length === 0) return [];
  const orders = await queue.redis((client) => client.zmscore(queue.arrivals, ...ids));
  return ids.flatMap((id, index) => {
    const order = orders[index];
    return order ? [{ queue, id, order: Number(order) }] : [];
  });
}
