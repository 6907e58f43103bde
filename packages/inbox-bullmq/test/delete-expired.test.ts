import { expect, test } from 'vitest';

import { findRedis } from '../../../test/support/services.ts';
import { createTestEntry, usePlace, useStore } from './support/inbox.ts';

const url = (await findRedis('what the BullMQ inbox deletes')) ?? '';

test.skipIf(url === '')(
  'deleteExpired: takes jobs that a dashboard removed out of the order of arrival',
  async () => {
    const place = usePlace(url);
    const { prefix, redis } = place;
    const store = useStore(url, place);
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
