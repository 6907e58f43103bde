import { unlessAborted } from '../shared/abortable.ts';
import { LATE, type Clock } from '../shared/clock.ts';
import { WebhookError } from '../shared/errors.ts';
import { followSignals } from '../shared/lazy-abort.ts';

/** For a client of the caller that does not limit its time. Ours gives up earlier. */
const MAX_ASK_MS = 2 * 60_000;

/** How long a question may take. */
export interface AskLimits {
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds; default and limit: two minutes. */
  readonly maxMs?: number;
}

/**
 * One question to the Task Result API. Ends in time also if the client ignores its signal.
 *
 * @throws what the client throws; the reason of `signal`; WebhookError `api_unavailable` if it is late
 */
export async function askInTime<T>(
  ask: (signal: AbortSignal) => Promise<T>,
  { clock, signal, maxMs = MAX_ASK_MS }: AskLimits,
): Promise<T> {
  const ms = Math.min(maxMs, MAX_ASK_MS);
  return followSignals(signal === undefined ? [] : [signal], async (abort) => {
    const cancel = clock.after(ms, () => abort.abort(LATE));
    try {
      abort.throwIfAborted();
      return await unlessAborted(ask(abort.signal()), abort.signal());
    } catch (error) {
      if (abort.reason !== LATE) throw error;
      const message = `task-results: the client did not answer in ${Math.round(ms)} ms. ${ADVICE}`;
      throw new WebhookError('api_unavailable', message);
    } finally {
      cancel();
    }
  });
}

const ADVICE = 'Give it a timeout of its own, and try again later.';
