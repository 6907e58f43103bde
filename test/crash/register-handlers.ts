import { setTimeout as pause } from 'node:timers/promises';

import { RetryLaterError, type HandlerContext, type Receiver } from '@novita-webhooks/core';

import type { Ledger } from './engine.ts';
import { now, type HandlerName, type RunResult, type WriteRecord } from './history.ts';
import type { Reach } from './kill-switch.ts';
import type { ServerOptions } from './protocol.ts';

/** Registers the handlers of a server process. Each run is recorded at its begin and its end. */
export function registerHandlers(
  receiver: Receiver,
  ledger: Ledger | undefined,
  { server, handlerMs }: Pick<ServerOptions, 'server' | 'handlerMs'>,
  write: WriteRecord,
  reach: Reach,
): void {
  let runs = 0;

  function register(handler: HandlerName, work: (context: HandlerContext) => Promise<void>) {
    receiver.onTaskFinished({ handlerName: handler }, async (_, context) => {
      const { taskId, attempt, signal } = context;
      runs += 1;
      const run = `${server}.${runs}`;
      let result: RunResult = 'failed';
      write({ type: 'begin', run, server, handler, taskId, attempt, at: now() });
      try {
        await work(context);
        result = 'succeeded';
      } catch (error) {
        if (signal.aborted) result = 'aborted';
        throw error;
      } finally {
        write({ type: 'end', run, result, at: now() });
      }
      reach('handled');
    });
  }

  register('work', async ({ taskId, attempt, signal }) => {
    const { ms, failsFirst } = behaviorOf(taskId);
    const halfMs = (handlerMs ?? ms) / 2;
    if (halfMs > 0) await pause(halfMs, undefined, { signal });
    reach('handler');
    if (halfMs > 0) await pause(halfMs, undefined, { signal });
    if (failsFirst && attempt === 1) throw new RetryLaterError(20, 'not yet');
  });
  if (ledger !== undefined) register('ledger', (context) => ledger.write(context, server));
}

/** Task ids are random. So the behavior is random too, and the same in every process. */
function behaviorOf(taskId: string): { readonly ms: number; readonly failsFirst: boolean } {
  const byte = Number.parseInt(taskId.slice(0, 2), 16);
  const ms = byte < 16 ? 80 : byte < 128 ? byte % 8 : 0;
  return { ms, failsFirst: byte % 16 === 5 };
}
