import assert from 'node:assert/strict';

import type { Claim, Entry, EntryPage, EntryQuery, Store } from '@novita-webhooks/core';
import { createManualClock } from '@novita-webhooks/testing';

import { ENDPOINTS, perform, type Lease, type Operation, type View } from './operations.ts';
import type { OpenSubject, Subject } from './subjects.ts';
import { createReference, type Reference } from './reference.ts';

/** Subjects beside the reference; each method does something with all of them, and compares. */
export interface ModelRun {
  /** Whether there was a claim that can be extended or settled. */
  hasClaimed(): boolean;
  /** Begins all in one tick, where that is in order. */
  perform(operations: readonly Operation[]): Promise<void>;
  list(query: EntryQuery, follow: boolean): Promise<void>;
  pass(ms: number): Promise<void>;
  reopen(abandoned: boolean): Promise<void>;
  close(): Promise<void>;
}

type Result = Awaited<ReturnType<typeof perform>>;

interface Step {
  readonly operation: Operation;
  readonly expected: Result;
  readonly due: readonly Entry[];
}

export function startModelRun(openSubjects: readonly OpenSubject[]): ModelRun {
  const clock = createManualClock();
  const reference = createReference(clock);
  const subjects = openSubjects.map((open) => open(clock));
  const leases: Lease[] = [];
  let calls = 0;
  let turn = 0;
  /** Of the last page: the reference's, then each subject's. */
  let cursors: readonly (string | null)[] = [];

  /** Another one each time, where one place is open several times. */
  function storeOf(subject: Subject): Store {
    const stores = subject.stores();
    const store = stores[(turn += 1) % stores.length];
    assert.ok(store);
    return store;
  }

  async function compareState(): Promise<void> {
    const expected = await visibleState(reference);
    for (const subject of subjects) {
      assert.deepEqual(await visibleState(storeOf(subject)), expected, subject.name);
    }
  }

  /** What the reference says, one by one, with claims that do not depend on how ties are broken. */
  async function predict(operations: readonly Operation[], view: View) {
    const steps: Step[] = [];
    for (const given of operations) {
      const due = given.type === 'claim' ? reference.due(given.endpoint) : [];
      const operation = given.type === 'claim' ? withoutTies(given, due) : given;
      steps.push({ operation, due, expected: await perform(reference, operation, view) });
    }
    return steps;
  }

  function remember(results: readonly Result[]): void {
    const [expected, ...others] = results.map((result) => toClaims(result));
    calls += 1;
    for (const [index, { endpoint, taskId, fencingToken }] of (expected ?? []).entries()) {
      const fences = [fencingToken, ...others.map((claims) => claims[index]?.fencingToken ?? '')];
      leases.push({ key: { endpoint, taskId }, call: calls, fences });
    }
  }

  return {
    hasClaimed: () => leases.length > 0,
    async perform(operations) {
      const known = [...leases];
      const steps = await predict(operations, { leases: known, target: 0 });
      const results: Result[][] = [];
      for (const [index, subject] of subjects.entries()) {
        const store = storeOf(subject);
        const view = { leases: known, target: index + 1 };
        const take = async ({ operation, due }: Step) =>
          inOrder(await perform(store, operation, view), due, subject.name);
        results.push(
          subject.keepsOrder ? await Promise.all(steps.map(take)) : await oneByOne(steps, take),
        );
      }
      for (const [step, { operation, expected, due }] of steps.entries()) {
        const wanted = inOrder(expected, due, 'the reference');
        const found = results.map((own) => own[step]);
        for (const [index, { name }] of subjects.entries()) {
          const what = `${name}: ${JSON.stringify(operation)}`;
          assert.deepEqual(comparable(found[index]), comparable(wanted), what);
        }
        remember([wanted, ...found]);
      }
      await compareState();
    },
    async list(query, follow) {
      const from = (target: number) =>
        follow && cursors[target] != null ? { ...query, cursor: cursors[target] } : query;
      const expected = reference.list(from(0));
      const pages: EntryPage[] = [expected];
      for (const [index, subject] of subjects.entries()) {
        const page = await storeOf(subject).list(from(index + 1));
        assert.deepEqual(comparable(page), comparable(expected), subject.name);
        pages.push(page);
      }
      cursors = pages.map(({ cursor }) => cursor);
    },
    async pass(ms) {
      clock.skip(ms);
      await compareState();
    },
    async reopen(abandoned) {
      for (const subject of subjects) await subject.reopen(abandoned);
      await compareState();
    },
    async close() {
      for (const subject of subjects) await subject.close();
    },
  };
}

async function oneByOne<T, R>(items: readonly T[], take: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) results.push(await take(item));
  return results;
}

/** Everything that can be seen from outside without changing it. */
async function visibleState(target: Store | Reference): Promise<unknown> {
  const nextDueMs: Record<string, number | null> = {};
  for (const endpoint of ENDPOINTS) nextDueMs[endpoint] = await target.nextDueMs(endpoint);
  const all = await target.list({ limit: 1000 });
  return { nextDueMs, stats: await target.stats(), all: comparable(all) };
}

type ClaimOperation = Extract<Operation, { type: 'claim' }>;

/** Which of several that are due at the same time comes first is not promised: takes all of them. */
function withoutTies(operation: ClaimOperation, due: readonly Entry[]): ClaimOperation {
  let { limit } = operation;
  while (limit > 0 && limit < due.length && due[limit]?.dueAt === due[limit - 1]?.dueAt) limit += 1;
  return { ...operation, limit };
}

/** Checks that the longest due came first, and puts those that were due at the same time in order. */
function inOrder(result: Result, due: readonly Entry[], name: string): Result {
  if (!Array.isArray(result)) return result;
  const claims = toClaims(result);
  const dueAt = ({ endpoint, taskId }: Claim) =>
    due.find((entry) => entry.endpoint === endpoint && entry.taskId === taskId)?.dueAt ?? 0;
  const byTime = claims.toSorted((a, b) => dueAt(a) - dueAt(b));
  assert.deepEqual(claims, byTime, `${name}: the longest due comes first`);
  return claims.toSorted((a, b) => dueAt(a) - dueAt(b) || (a.taskId < b.taskId ? -1 : 1));
}

function toClaims(result: Result): readonly Claim[] {
  if (Array.isArray(result)) return result as Claim[];
  return typeof result === 'object' && result !== null && 'fencingToken' in result
    ? [result as Claim]
    : [];
}

/** Without what each target chooses for itself: fences, cursors, the order of names in a set. */
function comparable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(comparable);
  if (typeof value !== 'object' || value === null || value instanceof Error) return value;
  if ('entries' in value) {
    const { entries, cursor } = value as EntryPage;
    return { entries: entries.map(comparable), hasNext: cursor !== null };
  }
  if (!('succeededHandlers' in value)) return value;
  const { fencingToken, ...entry } = value as Entry & { fencingToken?: string };
  return {
    ...entry,
    claimed: fencingToken !== undefined,
    succeededHandlers: entry.succeededHandlers.toSorted(),
  };
}
