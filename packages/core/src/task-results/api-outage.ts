import { unlessAborted } from '../shared/abortable.ts';
import { LATE, monotonicMs, type Clock } from '../shared/clock.ts';
import { isApiDown } from './api-failure.ts';
import type { TaskResultClient, TaskResultRequest } from './client.ts';

/** A client that knows since when the Task Result API has not answered. */
export interface WatchedClient {
  readonly client: TaskResultClient;
  /** Milliseconds since the first of the requests that failed in a row; `null` if none did lately. */
  downMs(): number | null;
}

/** What waits asks again after five minutes at most. A failure before is of something that is over. */
const FORGET_MS = 15 * 60_000;

/** Watches the requests of a client: those of `confirm`, of the sweep and of `receiver.result()`. */
export function watchApi(client: TaskResultClient, clock: Clock): WatchedClient {
  let failures: { readonly firstAt: number; readonly lastAt: number } | null = null;

  function current(): typeof failures {
    if (failures !== null && monotonicMs(clock) - failures.lastAt > FORGET_MS) failures = null;
    return failures;
  }

  async function watch<T>(work: Promise<T>, options?: TaskResultRequest): Promise<T> {
    try {
      const answer = await unlessAborted(work, options?.signal); // a client may ignore its signal
      failures = null;
      return answer;
    } catch (error) {
      const now = monotonicMs(clock);
      if (isApiDown(error) || error === LATE) {
        failures = { firstAt: current()?.firstAt ?? now, lastAt: now };
      } else if (options?.signal?.aborted !== true) failures = null;
      throw error;
    }
  }

  return {
    client: {
      get: (taskId, options) => watch(client.get(taskId, options), options),
      getPayload: (taskId, options) => watch(client.getPayload(taskId, options), options),
    },
    downMs() {
      const since = current();
      return since && monotonicMs(clock) - since.firstAt;
    },
  };
}
