import { setTimeout as pause } from 'node:timers/promises';

/** What {@link withTimeout} resolves to when the time is over. */
export const TIMED_OUT: unique symbol = Symbol('timed out');

/** Resolves as `work` does, or to {@link TIMED_OUT} if `work` takes longer than `ms`. */
export async function withTimeout<T>(ms: number, work: Promise<T>): Promise<T | typeof TIMED_OUT> {
  const controller = new AbortController();
  const timeout = pause(ms, TIMED_OUT, { signal: controller.signal });
  timeout.catch(() => undefined); // aborted below
  try {
    return await Promise.race([work, timeout]);
  } finally {
    controller.abort();
  }
}

/** Polls a condition until it is true or `timeoutMs` have passed. Resolves to whether it is true. */
export async function waitUntil(
  isTrue: () => boolean | Promise<boolean>,
  { timeoutMs, intervalMs = 20 }: { readonly timeoutMs: number; readonly intervalMs?: number },
): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    if (await isTrue()) return true;
    if (performance.now() >= deadline) return false;
    await pause(intervalMs);
  }
}
