import { within } from './timeout.ts';
import { explain, NO_FREE_CONNECTION, troubled } from '../errors.ts';

/** So many may do something at the same time. */
export interface Slots {
  /**
   * Waits for a turn, but not for ever.
   *
   * @returns ends it; to be called once
   */
  take(waitMs: number, signal?: AbortSignal): Promise<() => void>;
}

export function createSlots(count: number): Slots {
  const waiting = new Set<() => void>();
  let free = count;

  function giveBack(): void {
    const [next] = waiting;
    if (next === undefined) free += 1;
    else {
      waiting.delete(next);
      next(); // the slot is handed on
    }
  }

  async function wait(waitMs: number, signal?: AbortSignal): Promise<void> {
    let stop: () => void = () => undefined;
    let enter: () => void = () => undefined;
    const turn = new Promise<void>((resolve, reject) => {
      enter = resolve;
      stop = () => reject(signal?.reason as Error);
      waiting.add(enter);
    });
    signal?.addEventListener('abort', stop);
    try {
      const late = () =>
        explain(troubled(NO_FREE_CONNECTION, `no turn within ${waitMs} milliseconds`));
      await within(turn, waitMs, late);
    } catch (error) {
      if (!waiting.delete(enter)) giveBack(); // its turn came at the same moment
      throw error;
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }

  return {
    async take(waitMs, signal) {
      signal?.throwIfAborted();
      if (free > 0) free -= 1;
      else await wait(waitMs, signal);
      return giveBack;
    },
  };
}
