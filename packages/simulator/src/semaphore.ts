/** Runs what it is given as soon as a slot is free, in order. */
export type Limit = <T>(run: () => Promise<T>) => Promise<T>;

export const createLimit = (slots: number): Limit => {
  const waiting: (() => void)[] = [];
  let free = slots;

  const enter = async (): Promise<void> => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
  };

  const leave = (): void => {
    const next = waiting.shift();
    if (next) next();
    else free += 1;
  };

  return async (run) => {
    await enter();
    try {
      return await run();
    } finally {
      leave();
    }
  };
};
