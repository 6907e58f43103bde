import assert from 'node:assert/strict';

import type { Claim, Entry, EntryPage, EntryQuery, Store } from '@novita-webhooks/core';
import { createManualClock } from '@novita-webhooks/testing';

import { ENDPOINTS, perform, type Lease, type Operation, type View } from './operations.ts';
import type { OpenSubject, Subject } from './subjects.ts';
import { createReference, type Reference } from './reference.ts';

/** Applies each operation to the reference and to all subjects, and compares the results. */
export interface ModelRun {
  /** Whether there was a claim to extend or settle. */
  hasClaimed(): boolean;
  /** Begins all operations in one tick if the subject keeps their order. */
  perform(operations: readonly Operation[]): Promise<void>;
  list(query: EntryQuery, follow: boolean): Promise<void>;
  advance(ms: number): Promise<void>;
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
  const listed: (readonly Entry[])[] = [[]];
  let calls = 0;
  let turn = 0;
  /** The cursors of the last page: of the reference, then of each subject. */
  let cursors: readonly (string | null)[] = [];

  /** Returns the stores of a subject in turn. */
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

  /** Applies operations to the reference. Claims are changed so that ties cannot matter. */
  async function predict(operations: readonly Operation[], view: View) {
    const steps: Step[] = [];
    for (const original of operations) {
      const due = original.type === 'claim' ? reference.due(original.endpoint) : [];
      const operation = original.type === 'claim' ? withoutTies(original, due) : original;
      steps.push({ operation, due, expected: await perform(reference, operation, view) });
    }
    return steps;
  }

  function remember(results: readonly Result[]): void {
    const [expected, ...others] = results.map((result) => toClaims(result));
    calls += 1;
    for (const [index, { endpoint, taskId, fencingToken }] of (expected ?? []).entries()) {
      const fencingTokens = [
        fencingToken,
        ...others.map((claims) => claims[index]?.fencingToken ?? ''),
      ];
      leases.push({ key: { endpoint, taskId }, call: calls, fencingTokens });
    }
  }

  return {
    hasClaimed: () => leases.length > 0,
    async perform(operations) {
      const known = [...leases];
      const steps = await predict(operations, { leases: known, target: 0, listed });
      const results: Result[][] = [];
      for (const [index, subject] of subjects.entries()) {
        const store = storeOf(subject);
        const view = { leases: known, target: index + 1, listed };
        const apply = async ({ operation, due }: Step) =>
          inOrder(await perform(store, operation, view), due, subject.name);
        results.push(
          subject.keepsOrder ? await Promise.all(steps.map(apply)) : await oneByOne(steps, apply),
        );
      }
      for (const [step, { operation, expected, due }] of steps.entries()) {
        const wanted = inOrder(expected, due, 'the reference');
        const found = results.map((bySubject) => bySubject[step]);
        for (const [index, { name }] of subjects.entries()) {
          const message = `${name}: ${JSON.stringify(operation)}`;
          assert.deepEqual(comparable(found[index]), comparable(wanted), message);
        }
        remember([wanted, ...found]);
      }
      listed.push(reference.list({ limit: 1000 }).entries);
      await compareState();
    },
    async list(query, follow) {
      const from = (target: number) =>
        follow && cursors[target] != null ? { ...query, cursor: cursors[target] } : query;
      const expected = reference.list(from(0));
      const pages: Pick<EntryPage, 'cursor'>[] = [expected];
      for (const [index, subject] of subjects.entries()) {
        const page = await storeOf(subject).list(from(index + 1));
        assert.deepEqual(comparable(page), comparable(expected), subject.name);
        pages.push(page);
      }
      cursors = pages.map(({ cursor }) => cursor);
    },
    async advance(ms) {
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

async function oneByOne<T, R>(items: readonly T[], apply: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) results.push(await apply(item));
  return results;
}

/** The complete state that the read operations of a store return. */
async function visibleState(target: Store | Reference): Promise<unknown> {
  const nextDueMs: Record<string, number | null> = {};
  for (const endpoint of ENDPOINTS) nextDueMs[endpoint] = await target.nextDueMs(endpoint);
  const all = await target.list({ limit: 1000 });
  return { nextDueMs, stats: await target.stats(), all: comparable(all) };
}

type ClaimOperation = Extract<Operation, { type: 'claim' }>;

/** A store may claim entries with the same due time in any order. So the claim takes all of them. */
function withoutTies(operation: ClaimOperation, due: readonly Entry[]): ClaimOperation {
  let { limit } = operation;
  while (limit > 0 && limit < due.length && due[limit]?.dueAt === due[limit - 1]?.dueAt) limit += 1;
  return { ...operation, limit };
}

/** Checks that claims are ordered by due time, and sorts claims with the same due time by task id. */
function inOrder(result: Result, due: readonly Entry[], name: string): Result {
  if (!Array.isArray(result)) return result;
  const claims = toClaims(result);
  const dueAt = ({ endpoint, taskId }: Claim) =>
    due.find((entry) => entry.endpoint === endpoint && entry.taskId === taskId)?.dueAt ?? 0;
  const byTime = claims.toSorted((a, b) => dueAt(a) - dueAt(b));
  assert.deepEqual(claims, byTime, `${name}: claims are ordered by due time`);
  return claims.toSorted((a, b) => dueAt(a) - dueAt(b) || (a.taskId < b.taskId ? -1 : 1));
}

function toClaims(result: Result): readonly Claim[] {
  if (Array.isArray(result)) return result as Claim[];
  return typeof result === 'object' && result !== null && 'fencingToken' in result
    ? [result as Claim]
    : [];
}

/** Removes what each target chooses: fencing tokens, cursors, the order of handler names. */
function comparable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(comparable);
  if (typeof value !== 'object' || value === null || value instanceof Error) return value;
  if ('entries' in value) {
    const { entries, cursor } = value as Pick<EntryPage, 'entries' | 'cursor'>;
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
