import { WebhookError } from '@novita-webhooks/core';

import { createCodedError, QUERY_TIMEOUT } from '../errors.ts';

export interface QueuedItem<Item, Result> {
  readonly item: Item;
  readonly key: string;
  /** In characters. */
  readonly size: number;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/** Items that wait for a batch. Their waiting time and their total size are limited. */
export interface BatchQueue<Item, Result> {
  /** @throws WebhookError `inbox_full` */
  push(item: QueuedItem<Item, Result>): void;
  isEmpty(): boolean;
  /** Takes the next items, at most one of each key. */
  takeBatch(): QueuedItem<Item, Result>[];
  rejectAll(error: unknown): void;
}

/** More items would make one statement too slow. */
const MAX_BATCH_ITEMS = 200;
const MAX_BATCH_CHARACTERS = 4 * 1024 * 1024;
const MAX_QUEUE_CHARACTERS = 64 * 1024 * 1024;

/** @param maxWaitMs how long an item may wait before it is rejected */
export function createBatchQueue<Item, Result>(maxWaitMs: number): BatchQueue<Item, Result> {
  const timers = new Map<QueuedItem<Item, Result>, ReturnType<typeof setTimeout>>();
  let totalSize = 0;

  function remove(item: QueuedItem<Item, Result>): void {
    clearTimeout(timers.get(item));
    if (timers.delete(item)) totalSize -= item.size;
  }

  function reject(item: QueuedItem<Item, Result>, error: unknown): void {
    remove(item);
    item.reject(error);
  }

  return {
    push(item) {
      if (totalSize + item.size > MAX_QUEUE_CHARACTERS) throw queueFull();
      timers.set(
        item,
        setTimeout(() => reject(item, waitedTooLong(maxWaitMs)), maxWaitMs),
      );
      totalSize += item.size;
    },
    isEmpty: () => timers.size === 0,
    takeBatch() {
      const batch = new Map<string, QueuedItem<Item, Result>>();
      let size = 0;
      for (const item of timers.keys()) {
        if (batch.size === MAX_BATCH_ITEMS) break;
        const isTooLarge = size + item.size > MAX_BATCH_CHARACTERS;
        if (batch.size > 0 && (batch.has(item.key) || isTooLarge)) continue;
        batch.set(item.key, item);
        size += item.size;
        remove(item);
      }
      return [...batch.values()];
    },
    rejectAll(error) {
      for (const item of timers.keys()) reject(item, error);
    },
  };
}

function waitedTooLong(maxWaitMs: number): Error {
  const message = `a write waited more than ${maxWaitMs} ms for earlier writes`;
  return createCodedError(QUERY_TIMEOUT, message);
}

function queueFull(): WebhookError {
  return new WebhookError(
    'inbox_full',
    `inbox-postgres: more than ${MAX_QUEUE_CHARACTERS} characters wait to be written. ` +
      'Check the load of the server.',
  );
}
