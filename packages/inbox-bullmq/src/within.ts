/** What `within` answers when time was up first. */
export const LATE: unique symbol = Symbol('late');

/** The value of `work`, or `LATE` after `ms` milliseconds; what comes of it then nobody hears. */
export async function within<T>(ms: number, work: Promise<T>): Promise<T | typeof LATE> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<typeof LATE>((resolve) => {
    // Who has stood still for so long hears first what has come in meanwhile.
    timer = setTimeout(() => setImmediate(() => resolve(LATE)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
