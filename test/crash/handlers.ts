import { setTimeout as pause } from 'node:timers/promises';

import { RetryLaterError, type HandlerContext, type Receiver } from '@novita-webhooks/core';

import type { Ledger } from './engine.ts';
import { now, type HandlerName, type RunEnd, type Write } from './history.ts';
import type { VictimOptions } from './protocol.ts';
import type { Reach } from './kill-switch.ts';

/** The handlers of a victim. Each run is written down when it begins and when it ends. */
export function registerHandlers(
  receiver: Receiver,
  ledger: Ledger | undefined,
  { victim, handlerMs }: Pick<VictimOptions, 'victim' | 'handlerMs'>,
  write: Write,
  reach: Reach,
): void {
  let runs = 0;

  function recorded(handler: HandlerName, work: (context: HandlerContext) => Promise<void>) {
    receiver.onTaskFinished({ handlerName: handler }, async (_, context) => {
      const { taskId, attempt, signal } = context;
      runs += 1;
      const run = `${victim}.${runs}`;
      let how: RunEnd = 'failed';
      write({ type: 'begin', run, victim, handler, taskId, attempt, at: now() });
      try {
        await work(context);
        how = 'succeeded';
      } catch (error) {
        if (signal.aborted) how = 'aborted';
        throw error;
      } finally {
        write({ type: 'end', run, how, at: now() });
      }
      reach('handled');
    });
  }

  recorded('work', async ({ taskId, attempt, signal }) => {
    const temper = temperOf(taskId);
    const half = (handlerMs ?? temper.ms) / 2;
    if (half > 0) await pause(half, undefined, { signal });
    reach('handler');
    if (half > 0) await pause(half, undefined, { signal });
    if (temper.failsAtFirst && attempt === 1) throw new RetryLaterError(20, 'not yet');
  });
  if (ledger !== undefined) recorded('ledger', (context) => ledger.write(context, victim));
}

/** Task ids are random, so this is too, and the same in every process. */
function temperOf(taskId: string): { readonly ms: number; readonly failsAtFirst: boolean } {
  const byte = Number.parseInt(taskId.slice(0, 2), 16);
  const ms = byte < 16 ? 80 : byte < 128 ? byte % 8 : 0;
  return { ms, failsAtFirst: byte % 16 === 5 };
}
