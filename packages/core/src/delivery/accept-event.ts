import type { NewEntry } from '../inbox/ports.ts';
import type { InFlight } from '../shared/in-flight.ts';
import { keep } from './add-to-inbox.ts';
import { errorFields, type Logger } from '../shared/logger.ts';
import type { ResolvedOptions } from '../options.ts';
import type { ReplyCode } from '../shared/errors.ts';
import type { RuntimeContext } from './request.ts';
import type { Settlements } from '../handlers/outcome-waiters.ts';
import type { Worker } from '../handlers/worker.ts';

export interface KeeperOptions {
  readonly options: ResolvedOptions;
  readonly worker: Worker;
  readonly settlements: Settlements;
  /** For what goes on after the answer: closing waits for it. */
  readonly afterwards: InFlight;
  readonly log: Logger;
  readonly onConflict: () => void;
}

/** Keeps entries, in the way that the runtime around allows. */
export type Keeper = (
  entry: NewEntry,
  budgetMs: number,
  runtime: RuntimeContext,
) => Promise<ReplyCode>;

export function createKeeper(parts: KeeperOptions): Keeper {
  const { options, worker, settlements, log, onConflict } = parts;
  const { inbox, clock } = options;
  const keepOptions = { inbox, settlements, clock, log, onConflict };

  /** Where nothing is sure to go on after the answer: the entry is attempted within its request. */
  async function keepBriefly(
    entry: NewEntry,
    budgetMs: number,
    ack: 'accepted' | 'handled',
    waitUntil: RuntimeContext['waitUntil'],
  ): Promise<ReplyCode> {
    const attempt = worker.briefly()?.prepare(entry);
    const gracePeriodMs = waitUntil === undefined ? 0 : options.handlers.timeoutMs;
    try {
      const onKept = () => attempt?.begin();
      return await keep(entry, budgetMs, { ...keepOptions, ack, onKept });
    } finally {
      const ended = parts.afterwards.run(async () => attempt?.end(gracePeriodMs));
      handOver(ended, waitUntil, log);
    }
  }

  return async (entry, budgetMs, { ephemeral = false, waitUntil }) => {
    const waits = ephemeral && options.consume && inbox.promote !== undefined;
    const ack = options.ack ?? (waits ? 'handled' : 'accepted');
    const isBrief = ephemeral && (ack === 'handled' || waitUntil !== undefined);
    if (isBrief && worker.briefly() !== undefined) {
      return keepBriefly(entry, budgetMs, ack, waitUntil);
    }
    worker.startFor(entry);
    const onKept = async (state: 'added' | 'pending') => {
      if (state === 'pending') await inbox.promote?.(entry);
    };
    return keep(entry, budgetMs, { ...keepOptions, ack, onKept });
  };
}

/** A runtime that does not take it is no reason to answer otherwise. */
function handOver(work: Promise<void>, waitUntil: RuntimeContext['waitUntil'], log: Logger): void {
  try {
    waitUntil?.(work);
  } catch (error) {
    log.warn(errorFields(error), 'waitUntil threw');
  }
}
