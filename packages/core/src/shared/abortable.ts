// Waiting that a signal can end.
import type { Clock } from './clock.ts';

/** The value of `work`. If the signal is aborted first, rejects with its reason; the work goes on. */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise<T>((resolve, reject) => {
    const abort = () => reject(signal.reason as Error);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    const remove = () => signal.removeEventListener('abort', abort);
    work.finally(remove).then(resolve, reject);
  });
}

/** Waits `ms` milliseconds. If the signal is aborted first, rejects with its reason. */
export async function sleep(
  ms: number,
  clock: Clock,
  signal: AbortSignal | undefined,
): Promise<void> {
  let cancel: () => void = () => undefined;
  const over = new Promise<void>((resolve) => (cancel = clock.after(ms, resolve)));
  try {
    await unlessAborted(over, signal);
  } finally {
    cancel();
  }
}
