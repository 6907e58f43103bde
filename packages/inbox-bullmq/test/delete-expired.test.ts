import { expect, test } from 'vitest';

import { findRedis } from '../../../test/support/services.ts';
import { bullmqStore } from '../src/bullmq-store.ts';
import { toStoreOptions } from '../src/options.ts';
import { afterwards, createTestEntry, usePlace } from './support/inbox.ts';

const url = (await findRedis('what the BullMQ inbox deletes')) ?? '';

test.skipIf(url === '')(
  'deleteExpired: takes jobs that a dashboard removed out of the order of arrival',
  async () => {
    const { prefix, redis } = usePlace(url);
    const store = bullmqStore(toStoreOptions({ connection: url, prefix }));
    afterwards(() => store.close());
    const key = (suffix: string) => `${prefix}:novita-webhooks.novita:${suffix}`;
    const kept = Array.from({ length: 250 }, () => createTestEntry());
    const removed = Array.from({ length: 300 }, () => createTestEntry());
    for (const entries of [kept, removed])
      await Promise.all(entries.map(async (one) => store.add(one)));
    await redis.del(...removed.map(({ taskId }) => key(`task-${taskId}`)));
    await store.deleteExpired({ doneMs: 1e9, deadMs: 1e9 });
    // A job that is missing now may be about to be added.
    expect(await redis.zcard(key('novita:arrivals'))).toBe(kept.length + removed.length);
    await store.deleteExpired({ doneMs: 1e9, deadMs: 1e9 });
    expect(await redis.zcard(key('novita:arrivals'))).toBe(kept.length);
    expect((await store.list({ limit: 1000 })).entries).toHaveLength(kept.length);
  },
);
