import { WebhookError } from '../shared/errors.ts';
import type { HandlerContext } from './handlers.ts';

type Transaction = HandlerContext['transaction'];

/** The transaction that one run of a handler may have. */
export interface OwnTransaction {
  /**
   * Runs the handler with it. Ends when both have: one that the handler did not wait for decides
   * all the same whether it has succeeded.
   */
  during(signal: AbortSignal, handle: (transaction: Transaction) => unknown): Promise<void>;
  hasCommitted(): boolean;
}

/** @param transact `undefined`: the handler can have none, and is told so when it asks */
export function createOwnTransaction(transact: Transaction = noTransaction): OwnTransaction {
  let state: 'unused' | 'used' | 'ended' = 'unused';
  let committed = false;
  let isUnderWay = false;
  /** As the handler was given it. */
  let given: Promise<unknown> | undefined;

  function check(signal: AbortSignal): void {
    if (state === 'ended') throw new WebhookError('lease_lost', TOO_LATE);
    signal.throwIfAborted();
    if (state === 'used') throw new WebhookError('invalid_argument', ONCE);
  }

  async function begin<T>(work: (tx: unknown) => T | Promise<T>, signal: AbortSignal): Promise<T> {
    check(signal);
    state = 'used';
    const committing = transact(work).then((value) => {
      committed = true;
      return value;
    });
    const over = () => (isUnderWay = false);
    isUnderWay = true;
    committing.then(over, over);
    return committing;
  }

  function call<T>(work: (tx: unknown) => T | Promise<T>, signal: AbortSignal): Promise<T> {
    const isFirst = state === 'unused';
    const promise = begin(work, signal);
    if (isFirst) given = promise;
    return promise;
  }

  /** One that failed before is the handler's to hear of, and Node's if it does not listen. */
  async function end(): Promise<void> {
    state = 'ended';
    if (isUnderWay) await given;
  }

  return {
    hasCommitted: () => committed,
    async during(signal, handle) {
      try {
        await handle((work) => call(work, signal));
      } catch (error) {
        await end().catch(() => undefined); // the handler's own error says more
        throw error;
      }
      await end();
    },
  };
}

const TOO_LATE = 'transaction: the handler has ended';
const ONCE = 'transaction: it was called before in this run; do everything in one call';

/** For handlers that can have none. */
export async function noTransaction(): Promise<never> {
  throw new WebhookError(
    'not_transactional',
    'transaction: only for what sqliteInbox or postgresInbox hold; not with other inboxes, nor in ' +
      'receiver.process() or onTaskProgress',
  );
}
