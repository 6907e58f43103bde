// Cases with real processes on one inbox: their event loop is blocked, stopped, or ends.
import assert from 'node:assert/strict';

import type { NewEntry } from '@novita-webhooks/core';

import { createTestEntry } from '../../samples/create-test-entry.ts';
import type { InboxCase, InboxSubject } from './inbox-subject.ts';
import { PROCESS_LEASE_MS, type HandlerPlan } from './support/contract-process.ts';
import { until, withProcesses, type ContractProcess } from './support/process-client.ts';

const MAX_ATTEMPTS = 3;
/** A lease, and half of one for another heartbeat; less what clocks round. */
const MIN_TAKEOVER_MS = 1.5 * PROCESS_LEASE_MS - 10;
const keyOf = ({ endpoint, taskId }: NewEntry) => ({ endpoint, taskId });

const countOf = (type: 'begin' | 'end', ...processes: readonly ContractProcess[]) =>
  processes.flatMap(({ messages }) => messages).filter((message) => message.type === type).length;

const isFinished = async (reader: ContractProcess, entry: NewEntry) =>
  ['done', 'dead'].includes((await reader.request('get', keyOf(entry)))?.state ?? '');

const cases: readonly InboxCase[] = [
  {
    name: 'processes: an entry whose handler blocks the event loop for two leases is done',
    run: (subject) =>
      withProcesses(subject, async (start) => {
        const reader = await start();
        const workers = [await start(), await start()];
        const entry = createTestEntry();
        await reader.request('add', entry);
        const plan: HandlerPlan = { type: 'block', ms: 2 * PROCESS_LEASE_MS };
        for (const worker of workers) void worker.request('consume', plan);
        await until('finished', () => isFinished(reader, entry));
        const found = await reader.request('get', keyOf(entry));
        assert.equal(found?.state, 'done', found?.reason ?? '');
        // A process may have claimed the entry before the success of the other one was recorded.
        assert.ok(countOf('begin', ...workers) <= workers.length, 'once in each process at most');
        const longestMs = Math.max(...workers.flatMap(warnedStalls));
        assert.ok(longestMs > PROCESS_LEASE_MS, `the log says how long: ${longestMs} ms`);
      }),
  },
  {
    name: 'processes: a process that was stopped settles nothing later, but its success counts',
    run: (subject) =>
      withProcesses(subject, async (start) => {
        const [reader, first, second] = [await start(), await start(), await start()];
        const entry = createTestEntry();
        await reader.request('add', entry);
        const requestedAt = performance.now(); // the lease begins later
        await first.request('consume', { type: 'hold' });
        await until('running', () => countOf('begin', first) === 1);
        first.signal('SIGSTOP');
        await second.request('consume', { type: 'hold' });
        await until('taken over', () => countOf('begin', second) === 1);
        const takenAfterMs = performance.now() - requestedAt;
        assert.ok(takenAfterMs > MIN_TAKEOVER_MS, `taken over after ${takenAfterMs} ms`);
        first.signal('SIGCONT');
        await first.request('release');
        await until('the first one has ended', () => countOf('end', first) === 1);
        await until('its success is recorded', async () => {
          const found = await reader.request('get', keyOf(entry));
          assert.equal(found?.state, 'running', 'the outcome of the first one is refused');
          return found.succeededHandlers.includes('contract');
        });
        second.signal('SIGKILL');
        const third = await start();
        await third.request('consume', { type: 'hold' });
        await until('done', () => isFinished(reader, entry));
        assert.equal((await reader.request('get', keyOf(entry)))?.state, 'done');
        assert.equal(countOf('begin', third), 0, 'a handler that has succeeded does not run again');
      }),
  },
  {
    name: 'processes: of entries that run beside one that ends its process, none becomes a dead letter',
    run: (subject) =>
      withProcesses(subject, async (start) => {
        const reader = await start();
        const entries = Array.from({ length: 7 }, () => createTestEntry());
        const [poison = createTestEntry()] = entries.slice(3); // in the middle: engines differ in the order
        const good = entries.filter((entry) => entry !== poison);
        for (const entry of entries) await reader.request('add', entry);
        const isOver = async () => {
          const finished = await Promise.all(entries.map((entry) => isFinished(reader, entry)));
          return finished.every(Boolean);
        };
        let crashes = 0;
        while (!(await isOver())) {
          const worker = await start();
          void worker.request('consume', { type: 'poison', taskId: poison.taskId });
          await until('over, or crashed', async () => worker.hasExited() || (await isOver()));
          if (worker.hasExited()) crashes += 1;
          else worker.signal('SIGKILL');
          assert.ok(crashes <= MAX_ATTEMPTS, `${crashes} crashes`);
        }
        const stateOf = async (entry: NewEntry) =>
          (await reader.request('get', keyOf(entry)))?.state;
        assert.equal(await stateOf(poison), 'dead');
        for (const entry of good) assert.equal(await stateOf(entry), 'done');
        assert.equal(crashes, MAX_ATTEMPTS);
      }),
  },
];

/** The milliseconds in the warnings of an event loop that stood still. */
function warnedStalls({ messages }: ContractProcess): number[] {
  return messages.flatMap((message) => {
    const ms = message.type === 'warning' && /stood still for (\d+) ms/.exec(message.message)?.[1];
    return ms ? [Number(ms)] : [];
  });
}

/** Real processes on one inbox: with an event loop that is blocked, stopped, or killed. */
export const processCases: readonly InboxCase[] = cases.map((inboxCase) => ({
  ...inboxCase,
  skip({ inbox: { capabilities }, startProcess }: InboxSubject) {
    if (!capabilities.shared) return 'the inbox is not shared between processes';
    if (capabilities.confirmsTakeover !== true) return 'the inbox does not confirm takeovers';
    return startProcess ? undefined : 'the subject has no startProcess';
  },
}));
