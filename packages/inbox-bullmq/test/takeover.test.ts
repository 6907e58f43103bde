import { describe, expect, test } from 'vitest';

import { sampleEvents } from '@novita-webhooks/testing';

import { runProgram, type Program } from '../../../test/support/program.ts';
import { findRedis } from '../../../test/support/services.ts';
import { afterwards, createTestEntry, until, useInbox, usePlace } from './support/inbox.ts';

const url = (await findRedis('takeovers of the BullMQ inbox')) ?? '';
const LEASE_MS = 500;
const TIMEOUT_MS = 60_000;

interface Work {
  readonly prefix: string;
  readonly standsStillMs?: number;
  readonly culprit?: string;
}

function startWorker({ prefix, standsStillMs = 0, culprit = '' }: Work): Program {
  const settings = { leaseDurationMs: LEASE_MS, standsStillMs, culprit, concurrency: 10 };
  const work = JSON.stringify({ ...settings, connection: url, prefix });
  const program = runProgram('packages/inbox-bullmq/test', 'support/work.ts', {
    env: { WORK: work },
  });
  afterwards(async () => {
    program.kill();
  });
  return program;
}

/** An entry whose body is an event of its own task. */
function createEntry(taskId: string) {
  const body = JSON.stringify(sampleEvents.imageSucceeded({ taskId }).payload);
  return createTestEntry({ taskId, body });
}

describe.skipIf(url === '')('takeover', () => {
  test(
    'of a handler that stands still for longer than its lease: its success counts',
    async () => {
      const place = usePlace(url);
      const inbox = useInbox(url, place);
      const entry = createEntry('slow');
      const work = { prefix: place.prefix, standsStillMs: 1.6 * LEASE_MS };
      const workers = [startWorker(work), startWorker(work)];
      await Promise.all(workers.map((worker) => worker.line(/started/)));
      await inbox.add(entry);
      await until('done', async () => (await inbox.get(entry))?.state === 'done', 30_000);
      const runs = workers.flatMap(({ lines }) => lines.filter((line) => line.startsWith('begin')));
      // Each worker may have begun it before the first success was known.
      expect(runs.length).toBeLessThanOrEqual(workers.length);
    },
    TIMEOUT_MS,
  );

  test(
    'after an entry that ends its process runs alone: only that one becomes a dead letter',
    async () => {
      const place = usePlace(url);
      const inbox = useInbox(url, place);
      const good = Array.from({ length: 6 }, (_, index) => createEntry(`good-${index}`));
      const culprit = createEntry('culprit');
      for (const entry of [...good.slice(0, 3), culprit, ...good.slice(3)]) await inbox.add(entry);
      const isOver = async () => {
        const { done, dead } = await inbox.stats();
        return done + dead === good.length + 1;
      };
      const taken: string[] = [];
      for (let start = 0; start < 8 && !(await isOver()); start += 1) {
        const worker = startWorker({ prefix: place.prefix, culprit: 'culprit' });
        let hasEnded = false;
        void worker.line(/^never/).catch(() => (hasEnded = true));
        await until('over, or ended', async () => hasEnded || (await isOver()), 30_000);
        taken.push(...worker.lines.filter((line) => start > 0 && line.startsWith('begin culprit')));
        worker.kill();
      }
      expect(await inbox.stats()).toMatchObject({ done: good.length, dead: 1 });
      expect((await inbox.get(culprit))?.state).toBe('dead');
      expect(taken.length).toBeGreaterThan(0);
      expect(new Set(taken)).toEqual(new Set(['begin culprit beside 0']));
    },
    TIMEOUT_MS,
  );
});
