import { isDataError, isTimeout } from '../errors.ts';
import { createBatchQueue, type QueuedItem } from './batch-queue.ts';

export interface BatcherOptions<Item, Result> {
  /** Processes a batch. Returns the results in the order of the items. */
  readonly run: (items: readonly Item[]) => Promise<readonly Result[]>;
  /** A batch has at most one item of each key. */
  readonly keyOf: (item: Item) => string;
  /** In characters. */
  readonly sizeOf?: (item: Item) => number;
  /** How long an item may wait for its batch, in milliseconds. Then it is rejected. */
  readonly maxWaitMs: number;
}

/** While one batch waits for the disk of the server, the next one can be on its way. */
const MAX_CONCURRENT_BATCHES = 2;

/**
 * Puts concurrent calls into batches. No batch waits to be filled: calls that arrive while two are
 * running share the next one.
 */
export function createBatcher<Item, Result>({
  run,
  keyOf,
  sizeOf = () => 0,
  maxWaitMs,
}: BatcherOptions<Item, Result>): (item: Item) => Promise<Result> {
  const queue = createBatchQueue<Item, Result>(maxWaitMs);
  let running = 0;
  let isScheduled = false;

  function schedule(): void {
    if (isScheduled) return;
    isScheduled = true;
    queueMicrotask(() => {
      isScheduled = false;
      while (running < MAX_CONCURRENT_BATCHES && !queue.isEmpty()) void runNext(queue.takeBatch());
    });
  }

  async function runNext(batch: readonly QueuedItem<Item, Result>[]): Promise<void> {
    running += 1;
    await runBatch(batch);
    running -= 1;
    schedule();
  }

  async function runBatch(batch: readonly QueuedItem<Item, Result>[]): Promise<void> {
    try {
      const results = await run(batch.map(({ item }) => item));
      for (const [index, { resolve }] of batch.entries()) resolve(results[index] as Result);
    } catch (error) {
      // One item that the server cannot store must not fail the others: each is tried alone.
      if (batch.length > 1 && isDataError(error)) for (const item of batch) await runBatch([item]);
      else for (const { reject } of batch) reject(error);
      if (isTimeout(error)) queue.rejectAll(error); // each would wait for the same timeout
    }
  }

  return (item) =>
    new Promise<Result>((resolve, reject) => {
      queue.push({ item, key: keyOf(item), size: sizeOf(item), resolve, reject });
      schedule();
    });
}
