import { isOfData } from './troubles.ts';

export interface BatcherOptions<Item, Result> {
  /** Does them all at once. Answers in their order. */
  readonly run: (items: readonly Item[]) => Promise<readonly Result[]>;
  /** Two items with the same key are never done at once. */
  readonly keyOf: (item: Item) => string;
  readonly sizeOf?: (item: Item) => number;
}

/** Groups under way at the same time: while one waits for the disk, the next one can be on its way. */
const LANES = 2;

/** More would make one statement too slow. */
const LARGEST_GROUP = 200;
const LARGEST_TOTAL = 4 * 1024 * 1024;

interface Job<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Makes groups out of what is asked for at the same time. Nothing waits for a group to fill: what
 * comes while others are under way shares the next one.
 */
export function createBatcher<Item, Result>({
  run,
  keyOf,
  sizeOf = () => 0,
}: BatcherOptions<Item, Result>): (item: Item) => Promise<Result> {
  let waiting: Job<Item, Result>[] = [];
  let underWay = 0;
  let isScheduled = false;

  function schedule(): void {
    if (isScheduled) return;
    isScheduled = true;
    queueMicrotask(() => {
      isScheduled = false;
      while (underWay < LANES && waiting.length > 0) void runGroup(take());
    });
  }

  function take(): Job<Item, Result>[] {
    const group = new Map<string, Job<Item, Result>>();
    const later: Job<Item, Result>[] = [];
    let size = 0;
    for (const job of waiting) {
      const key = keyOf(job.item);
      size += sizeOf(job.item);
      const fits = group.size < LARGEST_GROUP && size <= LARGEST_TOTAL;
      if (group.size === 0 || (fits && !group.has(key))) group.set(key, job);
      else later.push(job);
    }
    waiting = later;
    return [...group.values()];
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
    }
  }

  return (item) =>
    new Promise<Result>((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      schedule();
    });
}
