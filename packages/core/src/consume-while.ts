import { withDeadline, type Clock } from './clock.ts';
import type { EntryKey } from './inbox.ts';
import { errorFields, type Logger } from './logger.ts';
import type { ReplyCode } from './replies.ts';
import type { Surroundings } from './request.ts';
import type { Settlements } from './settlements.ts';
import type { Worker } from './worker.ts';

export interface ConsumeWhileOptions {
  readonly worker: Worker;
  readonly settlements: Settlements;
  /** How long handlers may go on after the answer, where the runtime waits for them. */
  readonly graceMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly waitUntil: Surroundings['waitUntil'];
}

/**
 * Consumes the inbox only while an entry is being kept and handled: for runtimes that may stop
 * after the answer, and in which nothing may outlive the request that began it.
 */
export async function consumeWhile(
  entry: EntryKey,
  work: () => Promise<ReplyCode>,
  { worker, settlements, graceMs, clock, log, waitUntil }: ConsumeWhileOptions,
): Promise<ReplyCode> {
  const consumption = worker.beginBriefly();
  if (consumption === undefined) return work();
  const settlement = settlements.next(entry);
  let code: ReplyCode | undefined;

  async function finish(): Promise<void> {
    const goesOn = waitUntil !== undefined && code !== 'duplicate';
    if (goesOn) await withDeadline(settlement.promise, graceMs, clock);
    settlement.forget();
    await consumption?.stop({ graceMs: goesOn ? graceMs : 0 });
  }

  try {
    code = await work();
    return code;
  } finally {
    const finished = finish().catch((error: unknown) => {
      log.warn(errorFields(error), 'a brief consumption did not stop as it should');
    });
    waitUntil?.(finished);
  }
}
