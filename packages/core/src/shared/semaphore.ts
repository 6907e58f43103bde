/** Limits how many holders run at the same time. The others wait in order. */
export interface Semaphore {
  acquire(): Promise<void>;
  /** To be called once for each `acquire`. */
  release(): void;
}

export function createSemaphore(maxHolders: number): Semaphore {
  const waiting: (() => void)[] = [];
  let free = maxHolders;
  return {
    async acquire() {
      if (free > 0) free -= 1;
      else await new Promise<void>((resolve) => waiting.push(resolve));
    },
    release() {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    },
  };
}
