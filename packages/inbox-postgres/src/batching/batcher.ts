import { createBacklog, type Job } from './batch-queue.ts';
import { isOfData, isSilence } from '../errors.ts';

export interface BatcherOptions<Item, Result> {
  /** Does them all at once. Answers in their order. */
  readonly run: (items: readonly Item[]) => Promise<readonly Result[]>;
  /** Two items with the same key are never done at once. */
  readonly keyOf: (item: Item) => string;
  readonly sizeOf?: (item: Item) => number;
  /** What has waited for its turn for longer, in milliseconds, is refused: nobody waits for it. */
  readonly patienceMs: number;
}

/** Groups under way at the same time: while one waits for the disk, the next one can be on its way. */
const LANES = 2;

/**
 * Makes groups out of what is asked for at the same time. Nothing waits for a group to fill: what
 * comes while others are under way shares the next one.
 */
export function createBatcher<Item, Result>({
  run,
  keyOf,
  sizeOf = () => 0,
  patienceMs,
}: BatcherOptions<Item, Result>): (item: Item) => Promise<Result> {
  const backlog = createBacklog<Item, Result>(patienceMs);
  let underWay = 0;
  let isScheduled = false;

  function schedule(): void {
    if (isScheduled) return;
    isScheduled = true;
    queueMicrotask(() => {
      isScheduled = false;
      while (underWay < LANES && !backlog.isEmpty()) void runGroup(backlog.take());
    });
  }

  async function runGroup(group: readonly Job<Item, Result>[]): Promise<void> {
    underWay += 1;
    await settleAll(group);
    underWay -= 1;
    schedule();
  }

  async function settleAll(group: readonly Job<Item, Result>[]): Promise<void> {
    try {
      const results = await run(group.map(({ item }) => item));
      for (const [index, { resolve }] of group.entries()) resolve(results[index] as Result);
    } catch (error) {
      // One that cannot be written does not take the others with it.
      if (group.length > 1 && isOfData(error)) for (const job of group) await settleAll([job]);
      else for (const { reject } of group) reject(error);
      if (isSilence(error)) backlog.refuseAll(error); // or each of them would have to learn it anew
    }
  }

  return (item) =>
    new Promise<Result>((resolve, reject) => {
      backlog.push({ item, key: keyOf(item), size: sizeOf(item), resolve, reject });
      schedule();
    });
}
