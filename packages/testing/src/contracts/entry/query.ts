import assert from 'node:assert/strict';

import type { EntryQuery, NewEntry, Outcome } from '@novita-webhooks/core';

import { createTestEntry } from '../../samples/create-test-entry.ts';
import type { ContractCase } from '../contract-case.ts';
import type { EntryPort } from './entry-port.ts';

/** How a contract reaches the entries of its subject. */
export interface QuerySubject<Subject> {
  readonly portOf: (subject: Subject) => EntryPort;
  /** Adds an entry and settles one attempt on it. */
  readonly addAndSettle: (subject: Subject, outcome: Outcome, entry: NewEntry) => Promise<unknown>;
}

const dead = (reason: string): Outcome => ({ type: 'dead', reason, succeededHandlers: [] });

const ENTRIES: Readonly<Record<string, Partial<NewEntry>>> = {
  done: { metadata: { orderId: 1, vip: true, note: null }, receivedAt: 1000 },
  busy: { metadata: { orderId: 2, nested: { orderId: 1 } }, receivedAt: 2000 },
  busyToo: { testMode: true, metadata: { orderId: '1' }, receivedAt: 3000 },
  broken: { schemaError: 'no images', status: 'TASK_STATUS_FAILED', receivedAt: 4000 },
  video: { endpoint: 'other', taskType: 'WAN_TXT_TO_VIDEO', receivedAt: 5000 },
};

const OUTCOMES: Readonly<Record<string, Outcome>> = {
  done: { type: 'done' },
  busy: dead('HTTP 503 for order 1'),
  busyToo: dead('HTTP 503 for order 22'),
  broken: dead("a 'quoted' 100% \\ reason_"),
};

/** Each query with the entries that match it, the newest first. */
const QUERIES: readonly (readonly [EntryQuery, readonly string[]])[] = [
  [{}, ['video', 'broken', 'busyToo', 'busy', 'done']],
  [{ order: 'oldest' }, ['done', 'busy', 'busyToo', 'broken', 'video']],
  [{ endpoint: 'other' }, ['video']],
  [{ states: ['dead'] }, ['broken', 'busyToo', 'busy']],
  [{ states: ['done', 'pending'] }, ['video', 'done']],
  [{ states: ['dead'], order: 'oldest' }, ['busy', 'busyToo', 'broken']],
  [{ endpoint: 'novita', states: ['pending'] }, []],
  [{ taskType: 'WAN_TXT_TO_VIDEO' }, ['video']],
  [{ status: 'TASK_STATUS_FAILED' }, ['broken']],
  [{ reasonContains: '503' }, ['busyToo', 'busy']],
  [{ reasonContains: 'http' }, []],
  [{ reasonContains: "'quoted' 100% \\ reason_" }, ['broken']],
  [{ reasonContains: '1__%' }, []],
  [{ errorGroup: 'HTTP 503 for order <n>' }, ['busyToo', 'busy']],
  [{ errorGroup: 'HTTP 503' }, []],
  [{ metadata: { orderId: 1 } }, ['done']],
  [{ metadata: { orderId: '1' } }, ['busyToo']],
  [{ metadata: { orderId: 1, vip: true } }, ['done']],
  [{ metadata: { orderId: 1, vip: false } }, []],
  [{ metadata: { vip: 1 } }, []],
  [{ metadata: { note: null } }, ['done']],
  [{ metadata: { "it's": 1 } }, []],
  [{ receivedFrom: 2000, receivedTo: new Date(4000) }, ['busyToo', 'busy']],
  [{ finishedFrom: 0 }, ['broken', 'busyToo', 'busy', 'done']],
  [{ finishedTo: 0 }, []],
  [{ schemaErrors: true }, ['broken']],
  [{ schemaErrors: false, states: ['dead'] }, ['busyToo', 'busy']],
  [{ testEvents: true }, ['busyToo']],
  [{ testEvents: false, states: ['dead'] }, ['broken', 'busy']],
  [{ taskIdContains: 'usy' }, ['busyToo', 'busy']],
  [{ taskIdContains: 'USY' }, []],
  [{ states: ['dead'], reasonContains: '503', testEvents: true }, ['busyToo']],
];

/** `list`: filters, order and pages. */
export function queryCases<Subject>(
  access: QuerySubject<Subject>,
): readonly ContractCase<Subject>[] {
  const fill = (subject: Subject) => addEntries(subject, access);
  return [
    {
      name: 'list: returns the entries that match every filter, in order',
      async run(subject) {
        const port = await fill(subject);
        for (const [query, expected] of QUERIES) {
          assert.deepEqual(await idsOf(port, query), expected, JSON.stringify(query));
        }
      },
    },
    {
      name: 'list: pages with filters return each match once, in both orders',
      async run(subject) {
        const port = await fill(subject);
        for (const [query, expected] of QUERIES) {
          assert.deepEqual(await idsOf(port, query, 1), expected, JSON.stringify(query));
        }
      },
    },
    {
      name: 'list: without bodies, every other field is the same',
      async run(subject) {
        const port = await fill(subject);
        const [full, bare] = [await port.list(), await port.list({ bodies: false })];
        const withoutBodies = full.entries.map((entry) => ({ ...entry, body: '' }));
        assert.deepEqual(bare.entries, withoutBodies);
      },
    },
    {
      name: 'list: tells how many entries it examined, and the time of the store',
      async run(subject) {
        const port = await fill(subject);
        const page = await port.list({ states: ['dead'] });
        assert.ok(page.scanned >= 3 && page.scanned <= 5, `scanned ${page.scanned}`);
        const last = Math.max(...page.entries.map(({ finishedAt }) => finishedAt ?? 0));
        assert.ok(page.readAt >= last, `${page.readAt} is before ${last}`);
      },
    },
  ];
}

async function addEntries<Subject>(
  subject: Subject,
  { portOf, addAndSettle }: QuerySubject<Subject>,
): Promise<EntryPort> {
  const port = portOf(subject);
  for (const [taskId, fields] of Object.entries(ENTRIES)) {
    const entry = createTestEntry({ ...fields, taskId });
    const outcome = OUTCOMES[taskId];
    if (outcome === undefined) await port.add(entry);
    else await addAndSettle(subject, outcome, entry);
  }
  return port;
}

/** The task ids of all pages. */
async function idsOf(port: EntryPort, query: EntryQuery, limit = 100): Promise<readonly string[]> {
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await port.list({ ...query, limit, cursor });
    assert.ok(page.entries.length <= limit);
    ids.push(...page.entries.map(({ taskId }) => taskId));
    cursor = page.cursor ?? undefined;
  } while (cursor !== undefined);
  return ids;
}
