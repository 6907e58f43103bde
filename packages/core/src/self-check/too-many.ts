// Warns of what a program creates for each request instead of once: receivers and handlers.
import type { Logger } from '../shared/logger.ts';

/** Warns once when a process has more than it can have on purpose. */
export interface TooMany {
  /** The receiver started. */
  started(): void;
  closed(): void;
  /**
   * @param count of all handlers of the receiver
   * @param isRepeated whether the last one is a function that is registered already
   */
  handlersChanged(count: number, isRepeated: boolean): void;
}

const MAX_RECEIVERS = 10;
const MAX_HANDLERS = 50;

/** Open receivers of this process by endpoint. */
const open = new Map<string, number>();

export function createTooMany(endpoint: string, log: Logger): TooMany {
  let isOpen = false;
  let hasRepeated = false;

  function warnOfRepeated(): void {
    if (hasRepeated) return;
    hasRepeated = true;
    log.warn(
      {},
      'receiver: a function is registered twice as a handler of the same event, so it runs twice. Register it once. If both are meant, give each task handler its own handlerName: onTaskSucceeded({ handlerName }, handler).',
    );
  }

  function change(by: 1 | -1): number {
    const count = (open.get(endpoint) ?? 0) + by;
    open.set(endpoint, count);
    return count;
  }

  return {
    started() {
      isOpen = true;
      if (change(1) !== MAX_RECEIVERS) return;
      log.warn(
        { endpoint },
        `receiver: ${MAX_RECEIVERS} receivers of one endpoint are open in this process. Create one when the process starts, not one for each request, and close those that are not needed.`,
      );
    },
    closed() {
      if (isOpen) change(-1);
      isOpen = false;
    },
    handlersChanged(count, isRepeated) {
      if (isRepeated) warnOfRepeated();
      if (count !== MAX_HANDLERS) return;
      log.warn(
        {},
        `receiver: ${MAX_HANDLERS} handlers are registered, and each runs for every result that fits. Register handlers once, when the process starts, and tell orders apart by metadata.`,
      );
    },
  };
}
