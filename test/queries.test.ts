// Each inbox must answer random queries about random entries as a filter over an array does.
import type { Entry, EntryFilter, EntryQuery, Inbox } from '@novita-webhooks/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';

import { handlerName, newEntry, query, reason, time } from './model/operations.ts';
import { isMatch, toGroup } from './model/reference.ts';
import { INBOXES } from './support/inboxes.ts';

/** `QUERY_RUNS=100 npm test -- queries.test` runs longer; `QUERY_SEED` repeats a failed run. */
const { QUERY_RUNS = '4', QUERY_SEED } = process.env;
const numRuns = Number(QUERY_RUNS);
const seed = Number(QUERY_SEED ?? Math.floor(Math.random() * 2 ** 31));
const TIMEOUT_MS = 60_000 + 20_000 * numRuns;
const ENTRIES = 60;
const QUERIES = 60;

/** An action on many entries leaves out what arrives or ends after its start. */
const past = time.map((ms) => Math.min(ms, 1_500_000_000_000));

const finished = fc.oneof(
  fc.record({ state: fc.constant('done' as const), reason: fc.constant(null), finishedAt: past }),
  fc.record({ state: fc.constant('dead' as const), reason, finishedAt: past }),
);
const waiting = fc.record({
  state: fc.constant('pending' as const),
  reason: fc.option(reason),
  finishedAt: fc.constant(null),
});

/** The entries of an inbox; their task ids differ. */
const entries: fc.Arbitrary<readonly Entry[]> = fc
  .array(
    fc.record({
      added: newEntry,
      outcome: fc.oneof(finished, waiting),
      succeededHandlers: fc.uniqueArray(handlerName, { maxLength: 2 }),
    }),
    { minLength: 1, maxLength: ENTRIES, size: 'max' },
  )
  .map((all) =>
    all.map(({ added, outcome, succeededHandlers }, index) => ({
      ...{ ...added, ...outcome, succeededHandlers, tokenId: null },
      receivedAt: Math.min(added.receivedAt, 1_600_000_000_000),
      ...{ taskId: `${added.taskId} ${index}`, dueAt: outcome.state === 'pending' ? LATER : null },
      ...{ attempts: 1, replays: 0, partialReplay: null, attemptLog: [], originalBody: null },
    })),
  );
const LATER = 4_000_000_000_000;

/** All pages of a query. */
async function listAll(inbox: Inbox, wanted: EntryQuery): Promise<string[]> {
  const found: string[] = [];
  for (let cursor: string | null | undefined; cursor !== null;) {
    const page = await inbox.list({ ...wanted, ...(cursor !== undefined && { cursor }) });
    found.push(...page.entries.map(({ taskId }) => taskId));
    cursor = page.cursor;
  }
  return found;
}

/** How many entries each group of errors has. */
async function countGroups(inbox: Inbox, filter: EntryFilter): Promise<Record<string, number>> {
  const { groups } = await inbox.groups(filter);
  return Object.fromEntries(groups.map(({ errorGroup, count }) => [errorGroup, count]));
}

function countGroupsOf(matching: readonly Entry[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const entry of matching) {
    const group = toGroup(entry.reason);
    if (group !== undefined) counts[group] = (counts[group] ?? 0) + 1;
  }
  return counts;
}

/** Without what says how to list. */
function toFilter(wanted: EntryQuery): EntryFilter {
  const rest = Object.entries(wanted).filter(([name]) => !HOW.includes(name));
  return Object.fromEntries(rest);
}

const HOW = ['order', 'limit', 'bodies'];

/** Without members that are undefined, which an action on many entries refuses. */
function toBulkFilter({ query: wanted }: AnyQuery): EntryFilter {
  const given = Object.entries(toFilter(wanted)).filter(([, value]) => value !== undefined);
  return given.length === 0 ? { endpoint: 'here' } : Object.fromEntries(given);
}

type AnyQuery = typeof query extends fc.Arbitrary<infer T> ? T : never;

async function checkQueries(inbox: Inbox, all: readonly Entry[], queries: readonly AnyQuery[]) {
  for (const { query: wanted } of queries) {
    const filter = toFilter(wanted);
    const matching = all.filter((entry) => isMatch(entry, filter));
    const ids = matching.map(({ taskId }) => taskId);
    const message = `${JSON.stringify(wanted)}, seed ${seed}`;
    const listed = await listAll(inbox, wanted);
    expect(listed, message).toEqual(wanted.order === 'newest' ? ids.toReversed() : ids);
    expect(await countGroups(inbox, filter), message).toEqual(countGroupsOf(matching));
  }
}

/** Replays what one filter selects, then discards what another selects. */
async function checkActions(
  inbox: Inbox,
  all: readonly Entry[],
  [replayed, discarded]: readonly [EntryFilter, EntryFilter],
): Promise<void> {
  const isReplayed = (entry: Entry) => entry.state !== 'pending' && isMatch(entry, replayed);
  const before = all.filter((entry) => isMatch(entry, replayed));
  const expected = { matched: before.length, replayed: before.filter(isReplayed).length };
  const message = `${JSON.stringify({ replayed, discarded })}, seed ${seed}`;
  const result = await inbox.replayMany(replayed);
  expect(result, message).toMatchObject({ ...expected, cursor: null });
  const changed = all.map((entry) => (isReplayed(entry) ? { ...entry, ...REPLAYED } : entry));
  const rest = changed.filter((entry) => !isMatch(entry, discarded));
  const count = changed.length - rest.length;
  const removal = await inbox.discardMany(discarded);
  expect(removal, message).toMatchObject({ discarded: count, cursor: null });
  const left = await inbox.list({ order: 'oldest', limit: 1000 });
  expect(left.entries.map(({ taskId, state, replays }) => ({ taskId, state, replays }))).toEqual(
    rest.map((entry) => ({
      taskId: entry.taskId,
      state: isMatch(entry, { states: ['expected'] }) ? 'expected' : entry.state,
      replays: entry.replays,
    })),
  );
}

const REPLAYED = { state: 'pending' as const, reason: null, finishedAt: null, replays: 1 };

const scene = fc.record({
  all: entries,
  queries: fc.array(query, { minLength: QUERIES, maxLength: QUERIES }),
  actions: fc.tuple(query.map(toBulkFilter), query.map(toBulkFilter)),
});

test.each(Object.entries(INBOXES))(
  '%s answers what a filter over an array answers',
  async (_, open) => {
    for (const { all, queries, actions } of fc.sample(scene, { numRuns, seed })) {
      const inbox = await open();
      await inbox.import(all.map((entry) => JSON.stringify(entry)));
      await checkQueries(inbox, all, queries);
      await checkActions(inbox, all, actions);
      await inbox.close();
    }
  },
  TIMEOUT_MS,
);
