import {
  resolveEntryQuery,
  type Entry,
  type EntryPage,
  type EntryQuery,
  type EntryState,
} from '@novita-webhooks/core';

import type { Connection } from './connection.ts';
import { readEntries } from './reading.ts';
import type { Queue, Queues } from './queues.ts';
import { forget } from './scripts.ts';

interface Found {
  readonly entry: Entry;
  readonly order: number;
}

/** Ids looked at in one go. */
const CHUNK = 500;

/** Lists entries, the latest arrival first. */
export async function list(
  connection: Connection,
  queues: Queues,
  query: EntryQuery | undefined,
): Promise<EntryPage> {
  const { endpoint, state, limit, before } = resolveEntryQuery(query);
  const wanted = endpoint === undefined ? await queues.all() : [queues.of(endpoint)];
  const found = await Promise.all(
    wanted.map((queue) => find(connection, queues, queue, { state, limit: limit + 1, before })),
  );
  const all = found.flat().sort((one, other) => other.order - one.order);
  const page = all.slice(0, limit);
  return {
    entries: page.map(({ entry }) => entry),
    cursor: all.length > limit ? String(page.at(-1)?.order) : null,
  };
}

interface Search {
  readonly state: EntryState | undefined;
  readonly limit: number;
  readonly before: number;
}

async function find(
  connection: Connection,
  queues: Queues,
  queue: Queue,
  { state, limit, before }: Search,
): Promise<Found[]> {
  const next = await createSource(connection, queue, state, before);
  const found: Found[] = [];
  for (;;) {
    const arrivals = await next(Math.min(CHUNK, limit - found.length));
    if (arrivals.length === 0) return found;
    const ids = arrivals.map(({ id }) => id);
    const entries = await readEntries(connection, queues, queue, ids);
    const gone = ids.filter((_, index) => entries[index] === null);
    if (gone.length > 0) await forgetIds(connection, queues, queue, gone);
    for (const [index, { order }] of arrivals.entries()) {
      const entry = entries[index];
      if (entry && (state === undefined || entry.state === state)) found.push({ entry, order });
    }
    if (found.length >= limit) return found.slice(0, limit);
  }
}

interface Arrival {
  readonly id: string;
  readonly order: number;
}

/** Hands out arrivals, the latest first. */
type Source = (least: number) => Promise<readonly Arrival[]>;

/** Where few are in a state, it is those few that are looked at, and not all there are. */
async function createSource(
  connection: Connection,
  queue: Queue,
  state: EntryState | undefined,
  before: number,
): Promise<Source> {
  const few = state === undefined ? null : await fewIn(connection, queue, state);
  if (few === null) return fromAll(connection, queue, before);
  const left = (await withOrder(connection, queue, few))
    .filter(({ order }) => order < before)
    .sort((one, other) => other.order - one.order);
  return async (least) => left.splice(0, least);
}

function fromAll(connection: Connection, queue: Queue, before: number): Source {
  let below = before === Infinity ? '+inf' : `(${before}`;
  return async (least) => {
    const count = Math.max(least, CHUNK);
    const flat = await connection.run((client) =>
      client.zrevrangebyscore(queue.arrivals, below, '-inf', 'WITHSCORES', 'LIMIT', 0, count),
    );
    const arrivals = Array.from({ length: flat.length / 2 }, (_, index) => ({
      id: flat[2 * index] ?? '',
      order: Number(flat[2 * index + 1]),
    }));
    below = `(${arrivals.at(-1)?.order ?? 0}`;
    return arrivals;
  };
}

/** More than these are better found by looking at all. */
const FEW = 5000;

/** The ids that are in a state; `null` when they are many. */
async function fewIn(
  connection: Connection,
  queue: Queue,
  state: EntryState,
): Promise<string[] | null> {
  const ids = (
    await Promise.all(
      SETS[state].map(({ set, isList }) =>
        connection.run((client) =>
          isList
            ? client.lrange(queue.key(set), 0, FEW)
            : client.zrange(queue.key(set), '0', String(FEW)),
        ),
      ),
    )
  ).flat();
  return ids.length > FEW ? null : ids;
}

const listed = (set: string) => ({ set, isList: true });
const sorted = (set: string) => ({ set, isList: false });

const SETS: Readonly<Record<EntryState, readonly { set: string; isList: boolean }[]>> = {
  pending: [listed('wait'), sorted('delayed'), sorted('prioritized')],
  running: [listed('active')],
  done: [sorted('completed')],
  dead: [sorted('failed')],
};

async function withOrder(
  connection: Connection,
  queue: Queue,
  ids: readonly string[],
): Promise<Arrival[]> {
  if (ids.length === 0) return [];
  const orders = await connection.run((client) => client.zmscore(queue.arrivals, ...ids));
  return ids.flatMap((id, index) => {
    const order = orders[index];
    return order ? [{ id, order: Number(order) }] : [];
  });
}

/** Takes those out of the order of arrival whose jobs are gone: removed by a dashboard, say. */
export async function forgetIds(
  connection: Connection,
  queues: Queues,
  queue: Queue,
  ids: readonly string[],
): Promise<number> {
  const args = [queue.arrivals, queue.key(''), ...ids];
  const client = await queues.client;
  return Number(await connection.run(() => client.runCommand(forget.name, args)));
}
