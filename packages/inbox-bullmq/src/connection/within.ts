/** What `within` resolves to when the time was up first. */
export const LATE: unique symbol = Symbol('late');

/** The value of `work`, or `LATE` after `ms` milliseconds. */
export async function within<T>(ms: number, work: Promise<T>): Promise<T | typeof LATE> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<typeof LATE>((resolve) => {
    // After a pause of the whole process, what has come in meanwhile is read first.
    timer = setTimeout(() => setImmediate(() => resolve(LATE)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
