import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';

import {
  afterwards,
  createTestEntry,
  until,
  useConsumption,
  useInbox,
  usePlace,
  useQueue,
} from './support/inbox.ts';
import { hasRedisServer, startRedisServer } from './support/redis-server.ts';

test.skipIf(!hasRedisServer('the BullMQ inbox on a paused queue'))(
  'pause: a paused queue is neither claimed from nor polled without rest',
  async () => {
    const server = await startRedisServer();
    afterwards(server.close);
    const place = usePlace(server.url);
    const [inbox, queue] = [useInbox(server.url, place), useQueue(place)];
    await queue.pause();
    await inbox.add(createTestEntry());
    let runs = 0;
    useConsumption(inbox, async () => {
      runs += 1;
      return { type: 'done' };
    });
    await pause(200);
    const before = await countCommands();
    await pause(1000);
    expect((await countCommands()) - before).toBeLessThan(400);
    expect(runs).toBe(0);
    await queue.resume();
    await until('run', () => runs === 1);

    async function countCommands(): Promise<number> {
      const stats = await server.redis.info('stats');
      return Number(/total_commands_processed:(\d+)/.exec(stats)?.[1]);
    }
  },
);
