import type { AttemptRecord, NewEntry } from '@novita-webhooks/core';
import { describe, expect, test } from 'vitest';

import { findRedis } from '../../../test/support/services.ts';
import {
  createTestEntry,
  stateOf,
  until,
  useConsumption,
  useInbox,
  usePlace,
  useQueue,
} from './support/inbox.ts';

const url = (await findRedis('the BullMQ inbox in dashboards')) ?? '';

describe.skipIf(url === '')('dashboard', () => {
  test('shows each entry in the state of its job, with reason and progress', async () => {
    const place = usePlace(url);
    const [inbox, queue] = [useInbox(url, place), useQueue(place)];
    const [good, bad, later] = [createTestEntry(), createTestEntry(), createTestEntry()];
    for (const entry of [good, bad, later]) await inbox.add(entry);
    expect(await queue.getJobCounts('waiting', 'active', 'completed', 'failed')).toMatchObject({
      waiting: 3,
      active: 0,
      completed: 0,
      failed: 0,
    });
    const consumption = useConsumption(inbox, async ({ taskId }) => {
      if (taskId === good.taskId) return { type: 'done', attemptLog };
      const succeededHandlers = ['one'];
      if (taskId === bad.taskId)
        return { type: 'dead', reason: 'no such order', succeededHandlers };
      return { type: 'retry', delayMs: 1e6, reason: 'not yet', succeededHandlers };
    });
    await until('settled', async () => (await queue.getJobCountByTypes('delayed', 'failed')) === 2);
    await until('done', async () => (await queue.getCompletedCount()) === 1);
    await consumption.stop({ gracePeriodMs: 1000 });
    const [failed] = await queue.getFailed();
    expect(failed).toMatchObject({
      id: `task-${bad.taskId}`,
      name: 'TASK_STATUS_SUCCEED',
      failedReason: 'no such order',
      progress: { succeededHandlers: ['one'] },
      data: expect.objectContaining(bad) as unknown,
    });
    const [delayed] = await queue.getDelayed();
    expect(delayed).toMatchObject({
      data: later,
      progress: { reason: 'not yet', succeededHandlers: ['one'] },
    });
    // A first success is settled by one command, which notes no progress.
    const completed = { data: good, progress: 0, returnvalue: { attemptLog } };
    expect((await queue.getCompleted())[0]).toMatchObject(completed);
    expect(await inbox.get(good)).toMatchObject({ state: 'done', attemptLog });
    expect(await inbox.replay(good)).toBe(true);
    expect(await inbox.get(good)).toMatchObject({ state: 'pending', attemptLog, replays: 1 });
  });

  test.each(['failed', 'completed'] as const)(
    'a retry of a %s job begins another series of attempts',
    async (state) => {
      const place = usePlace(url);
      const [inbox, queue] = [useInbox(url, place), useQueue(place)];
      const entry = createTestEntry();
      await inbox.add(entry);
      const attempts: number[] = [];
      useConsumption(inbox, async (claimed) => {
        attempts.push(claimed.attempts);
        if (attempts.length < 3) return again;
        if (attempts.length > 3) return { type: 'done' };
        return state === 'failed' ? dead : { type: 'done' };
      });
      await until(state, async () => (await queue.getJobCountByTypes(state)) === 1);
      const [job] = await queue.getJobs([state]);
      await job?.retry(state);
      await until('run again', () => attempts.length === 4);
      expect(attempts).toEqual([1, 2, 3, 1]);
      await until('done', async () => (await stateOf(inbox, entry)) === 'done');
      expect(await inbox.get(entry)).toMatchObject({ attempts: 1, reason: null, replays: 1 });
    },
  );

  test('a retry that resets the counters begins another series as well', async () => {
    const place = usePlace(url);
    const [inbox, queue] = [useInbox(url, place), useQueue(place)];
    await inbox.add(createTestEntry());
    const attempts: number[] = [];
    useConsumption(inbox, async (claimed) => {
      attempts.push(claimed.attempts);
      return attempts.length % 3 === 0 ? dead : again;
    });
    await until('dead', async () => (await queue.getFailedCount()) === 1);
    const [job] = await queue.getFailed();
    // Older versions ignore the options.
    await job?.retry('failed', { resetAttemptsMade: true, resetAttemptsStarted: true });
    await until('dead again', () => attempts.length === 6);
    expect(attempts).toEqual([1, 2, 3, 1, 2, 3]);
  });

  test('an entry whose job was removed can be added again', async () => {
    const place = usePlace(url);
    const [inbox, queue] = [useInbox(url, place), useQueue(place)];
    const entry = createTestEntry();
    await inbox.add(entry);
    await (await queue.getJob(`task-${entry.taskId}`))?.remove();
    expect((await inbox.list()).entries).toEqual([]);
    expect(await inbox.get(entry)).toBeUndefined();
    expect(await inbox.add(entry)).toBe('added');
  });

  test('a job of another program fails, with a reason', async () => {
    const place = usePlace(url);
    const [inbox, queue] = [useInbox(url, place), useQueue(place)];
    await queue.add('mine', { hello: 'there' });
    const entry = createTestEntry();
    await inbox.add(entry);
    useConsumption(inbox, async () => ({ type: 'done' }));
    await until('done', async () => (await stateOf(inbox, entry)) === 'done');
    await until('failed', async () => (await queue.getFailedCount()) === 1);
    expect((await queue.getFailed())[0]?.failedReason).toContain('no entry of this inbox');
  });

  test.each<[string, (entry: NewEntry) => [data: NewEntry, jobId?: string]]>([
    ['copied', (entry) => [entry]],
    ['edited', (entry) => [{ ...entry, taskId: 'another' }, 'task-edited']],
    ['moved here', (entry) => [{ ...entry, taskId: 'moved', endpoint: 'other' }, 'task-moved']],
  ])('a job that was %s fails, and does not run', async (_, toJob) => {
    const place = usePlace(url);
    const [inbox, queue] = [useInbox(url, place), useQueue(place)];
    const entry = createTestEntry();
    const runs: string[] = [];
    await inbox.add(entry);
    useConsumption(inbox, async ({ taskId }) => {
      runs.push(taskId);
      return { type: 'done' };
    });
    const [data, jobId] = toJob(entry);
    await queue.add('mine', data, { ...(jobId !== undefined && { jobId }) });
    await until('failed', async () => (await queue.getFailedCount()) === 1);
    expect((await queue.getFailed())[0]?.failedReason).toContain('no entry of this inbox');
    await until('done', async () => (await stateOf(inbox, entry)) === 'done');
    expect(runs).toEqual([entry.taskId]);
    expect((await inbox.list()).entries).toHaveLength(1);
  });
});

const attemptLog: readonly AttemptRecord[] = [
  {
    ...{ attempt: 1, startedAt: 1000, durationMs: 12, outcome: 'done', trigger: 'delivery' },
    errors: [],
  },
];
const again = { type: 'retry', delayMs: 0, reason: 'not yet', succeededHandlers: [] } as const;
const dead = { type: 'dead', reason: 'no use', succeededHandlers: [] } as const;
