import type { Retention } from '@novita-webhooks/core';

import type { Connection } from './connection.ts';
import { forgetIds } from './listing.ts';
import type { Queue, Queues } from './queues.ts';

/** Jobs removed in one go: Redis does nothing else meanwhile. */
const AT_ONCE = 200;
const MOST_ROUNDS = 500;
/** So many times as many ids are looked at in one purge; the next one goes on from there. */
const SWEEP_ROUNDS = 50;

/** BullMQ removes what is finished only when something else finishes; this does it at any time. */
export function createPurge(
  connection: Connection,
  queues: Queues,
): (retention: Retention) => Promise<number> {
  const cursors = new Map<Queue, string>();

  async function purgeState(
    queue: Queue,
    state: 'completed' | 'failed',
    ageMs: number,
  ): Promise<number> {
    const until = connection.now() - ageMs;
    const countExpired = () =>
      connection.run((client) => client.zcount(queue.key(state), 0, until));
    let purged = 0;
    for (let round = 0; round < MOST_ROUNDS; round += 1) {
      // It writes into the stream of events even when there was nothing to remove; and with no memory
      // left it would fail, where with something to remove it makes room.
      if ((await countExpired()) === 0) break;
      const ids = await connection.run(() => queue.bullmq.cleanJobsByState(state, until, AT_ONCE));
      purged += ids.length;
      if (ids.length > 0) await forgetIds(connection, queues, queue, ids);
      if (ids.length < AT_ONCE) break;
    }
    return purged;
  }

  /** Takes out of the order of arrival what a crash or a dashboard has left in it. */
  async function sweep(queue: Queue): Promise<void> {
    for (let round = 0; round < SWEEP_ROUNDS; round += 1) {
      const from = cursors.get(queue) ?? '0';
      const [cursor, flat] = await connection.run((client) =>
        client.zscan(queue.arrivals, from, 'COUNT', AT_ONCE),
      );
      cursors.set(queue, cursor);
      const ids = flat.filter((_, index) => index % 2 === 0);
      if (ids.length > 0) await forgetIds(connection, queues, queue, ids);
      if (cursor === '0') return;
    }
  }

  return async ({ doneMs, deadMs }) => {
    let purged = 0;
    for (const queue of await queues.all()) {
      purged += await purgeState(queue, 'completed', doneMs);
      purged += await purgeState(queue, 'failed', deadMs);
      await sweep(queue);
    }
    return purged;
  };
}
