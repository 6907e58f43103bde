/**
 * Rejects if a promise takes longer than `ms`.
 *
 * @param createError makes the error that it rejects with
 */
export async function withTimeout<T>(
  promise: Promise<T>,
  ms: number,
  createError: () => Error,
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(createError()), ms);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
