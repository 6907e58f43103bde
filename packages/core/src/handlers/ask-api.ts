import type { TaskResultClient } from '../task-results/client.ts';
import { askInTime } from '../task-results/ask-in-time.ts';
import type { Clock } from '../shared/clock.ts';
import { WebhookError } from '../shared/errors.ts';
import type { JsonObject } from '../shared/json.ts';
import type { LazyAbort } from '../shared/lazy-abort.ts';

/** Asks the Task Result API for attempts. */
export interface AskApi {
  /**
   * The payload of a task.
   *
   * @throws what the client throws; the reason of `abort`; WebhookError `closing` after `stop`
   */
  ask(taskId: string, abort: LazyAbort): Promise<JsonObject>;
  /** Ends what is being asked at once: a receiver that closes waits for handlers, not for the API. */
  stop(): void;
  isStopped(): boolean;
}

export function createAskApi(client: Pick<TaskResultClient, 'getPayload'>, clock: Clock): AskApi {
  const asking = new Set<AbortController>();
  let stopped: WebhookError | undefined;

  return {
    async ask(taskId, abort) {
      abort.throwIfAborted();
      if (stopped) throw stopped;
      const controller = new AbortController();
      const { signal } = controller;
      abort.onAbort = () => controller.abort(abort.reason);
      asking.add(controller);
      try {
        const ask = (either: AbortSignal) => client.getPayload(taskId, { signal: either });
        return await askInTime(ask, { signal, clock });
      } finally {
        abort.onAbort = null;
        asking.delete(controller);
      }
    },
    stop() {
      stopped ??= new WebhookError('closing', 'the receiver is closing');
      for (const controller of asking) controller.abort(stopped);
    },
    isStopped: () => stopped !== undefined,
  };
}
