/** Runs a function when a slot is free. Waiting functions run in the order of their calls. */
export type Semaphore = <T>(run: () => Promise<T>) => Promise<T>;

export const createSemaphore = (slots: number): Semaphore => {
  const waiting: (() => void)[] = [];
  let free = slots;

  const acquire = async (): Promise<void> => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
  };

  const release = (): void => {
    const next = waiting.shift();
    if (next) next();
    else free += 1;
  };

  return async (run) => {
    await acquire();
    try {
      return await run();
    } finally {
      release();
    }
  };
};
