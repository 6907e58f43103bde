// Moves entries from each inbox to each other one, and to another of its kind.
import { createReceiver, PermanentError, type Entry, type Inbox } from '@novita-webhooks/core';
import { sampleEvents, signedDelivery } from '@novita-webhooks/testing';
import { expect, test } from 'vitest';

import { INBOXES } from './support/inboxes.ts';

const TIMEOUT_MS = 180_000;
/** Longer than a lease: a machine that stands still may lose one. */
const IDLE_MS = 80_000;
const secret = 'a secret for moved entries, long enough to sign';

const PAIRS = Object.keys(INBOXES).flatMap((source) =>
  Object.keys(INBOXES).map((target) => [source, target] as const),
);

/** A receiver whose handler fails for the tasks `dead` and `waiting`. */
function receive(inbox: Inbox, handled: string[]) {
  const receiver = createReceiver({
    ...{ url: 'https://example.com/', secret, inbox, logger: false },
    retry: { delay: () => 3_600_000 },
  });
  receiver.onTaskSucceeded({ handlerName: 'save' }, ({ task }) => {
    handled.push(task.task_id);
    if (task.task_id === 'dead') throw new PermanentError('no such order');
    if (task.task_id === 'waiting') throw new Error('HTTP 503');
  });
  receiver.start();
  return receiver;
}

/** Without what may differ: fractions of milliseconds, and names of handlers that are done. */
function comparable(entry: Entry | undefined) {
  const finishedAt = Math.floor(entry?.finishedAt ?? 0);
  return { ...entry, finishedAt, dueAt: null, succeededHandlers: null };
}

test.each(PAIRS)(
  'from %s to %s: nothing is lost, handled twice or changed',
  async (from, to) => {
    const [source, target] = await Promise.all([INBOXES[from]?.(), INBOXES[to]?.()]);
    if (source === undefined || target === undefined) throw new Error('no such inbox');
    const handled: string[] = [];
    const first = receive(source, handled);
    for (const taskId of ['done', 'dead', 'waiting']) {
      const event = sampleEvents.imageSucceeded({ taskId });
      await first.handle(await signedDelivery(first, event, { orderId: taskId }));
    }
    await first.idle({ timeoutMs: IDLE_MS });
    expect(handled.toSorted()).toEqual(['dead', 'done', 'waiting']);

    expect(await target.import(source.export())).toEqual({ added: 3, duplicates: 0 });
    for (const taskId of ['done', 'dead', 'waiting']) {
      const key = { endpoint: 'novita', taskId };
      const [old, moved] = await Promise.all([source.get(key), target.get(key)]);
      expect(comparable(moved)).toEqual(comparable(old));
      expect(moved?.attemptLog).toHaveLength(1);
    }
    const waiting = await target.get({ endpoint: 'novita', taskId: 'waiting' });
    expect(waiting?.dueAt).toBeGreaterThan(Date.now() + 3_000_000); // not before its retry is due

    const second = receive(target, handled);
    const event = sampleEvents.imageSucceeded({ taskId: 'done' });
    const reply = await second.handle(await signedDelivery(second, event));
    expect(JSON.parse(reply.body)).toMatchObject({ status: 'duplicate' });
    await second.idle({ timeoutMs: IDLE_MS });
    expect(handled).toHaveLength(3);
    await Promise.all([first.close(), second.close()]);
  },
  TIMEOUT_MS,
);
