import { WebhookError } from '../shared/errors.ts';
import type { LazyAbort } from '../shared/lazy-abort.ts';
import type { HandlerContext } from './handlers.ts';
import { isGeneratorFunction } from './is-generator-function.ts';

type Transaction = HandlerContext['transaction'];
type Abort = Pick<LazyAbort, 'throwIfAborted'>;

/** The transaction of one run of a handler. */
export interface HandlerTransaction {
  /**
   * Runs the handler. Resolves when both the handler and its transaction have ended: a transaction
   * that the handler did not await still decides whether the handler has succeeded.
   */
  run(abort: Abort, handle: (transaction: Transaction) => unknown): unknown;
  hasCommitted(): boolean;
}

export function createHandlerTransaction(runInTransaction: Transaction): HandlerTransaction {
  let state: 'unused' | 'used' | 'ended' = 'unused';
  let committed = false;
  let isRunning = false;
  /** The promise that the handler got from its first call. */
  let firstCall: Promise<unknown> | undefined;

  function check(abort: Abort): void {
    if (state === 'ended') throw new WebhookError('lease_lost', TOO_LATE);
    abort.throwIfAborted();
    if (state === 'used') throw new WebhookError('invalid_argument', ONCE);
  }

  async function begin<T>(work: (tx: unknown) => T | Promise<T>, abort: Abort): Promise<T> {
    check(abort);
    if (isGeneratorFunction(work)) throw new WebhookError('invalid_argument', GENERATOR);
    state = 'used';
    const committing = runInTransaction(work).then((value) => {
      committed = true;
      return value;
    });
    const onEnd = () => (isRunning = false);
    isRunning = true;
    committing.then(onEnd, onEnd);
    return committing;
  }

  function call<T>(work: (tx: unknown) => T | Promise<T>, abort: Abort): Promise<T> {
    const isFirst = state === 'unused';
    const promise = begin(work, abort);
    if (isFirst) firstCall = promise;
    return promise;
  }

  /**
   * The transaction that still runs when the handler ends. One that failed earlier has rejected the
   * promise that the handler got.
   */
  function end(): Promise<unknown> | undefined {
    state = 'ended';
    return isRunning ? firstCall : undefined;
  }

  return {
    hasCommitted: () => committed,
    async run(abort, handle) {
      try {
        await handle((work) => call(work, abort));
      } catch (error) {
        await end()?.catch(() => undefined); // the handler's own error is more useful
        throw error;
      }
      const unfinished = end();
      if (unfinished !== undefined) await unfinished;
    },
  };
}

const GENERATOR =
  'context.transaction: the function is a generator, so its body would not run. Pass a plain function.';
const TOO_LATE =
  'context.transaction: the handler has ended. Await the transaction inside the handler.';
const ONCE =
  'context.transaction: called twice in one run of the handler. Do all writes in one call.';

/** What handlers get as `context.transaction` if their inbox has none. */
export async function noTransaction(): Promise<never> {
  throw new WebhookError(
    'not_transactional',
    'context.transaction: the inbox has no transactions. Use sqliteInbox or postgresInbox; ' +
      'processEntry(), processUnverified() and onTaskProgress have none.',
  );
}

/** For all handlers whose inbox has no transactions. */
export const NO_TRANSACTION: HandlerTransaction = {
  run: (_abort, handle) => handle(noTransaction),
  hasCommitted: () => false,
};
