import type { CallbackParts } from './callback/callback.ts';
import { createSigner } from './callback/signer.ts';
import { createTokens } from './callback/token.ts';
import { createAcceptEvent } from './delivery/accept-event.ts';
import { createBodyMemory } from './delivery/body-memory.ts';
import { createEntryMacs } from './delivery/entry-mac.ts';
import { createPipeline, type Pipeline } from './delivery/pipeline.ts';
import type { ProcessDependencies } from './delivery/process-entry.ts';
import { createRefusedDeliveries, type RefusedDeliveries } from './delivery/refused-deliveries.ts';
import { createBestEffortEvents } from './handlers/best-effort-events.ts';
import { createHandlers, type Handlers } from './handlers/handlers.ts';
import { createOutcomeWaiters } from './handlers/outcome-waiters.ts';
import { createWarnOnce } from './handlers/warn-once.ts';
import { createSweep, type Sweep } from './expectations/sweep.ts';
import { createWorker, type Worker } from './handlers/worker.ts';
import { removeInboxUser } from './inbox/inbox-users.ts';
import type { Inbox } from './inbox/ports.ts';
import type { ResolvedOptions } from './options.ts';
import { createCounters, type Counters } from './receiver-stats.ts';
import { monotonicMs, withDeadline } from './shared/clock.ts';
import type { Logs } from './shared/create-logs.ts';
import { createInFlight, type InFlight } from './shared/in-flight.ts';
import { watchApi } from './task-results/api-outage.ts';

/** The connected parts of a receiver. */
interface Parts extends CallbackParts, ProcessDependencies {
  readonly inbox: Inbox;
  readonly limitedLog: Logs['limitedLog'];
  readonly handlers: Handlers;
  readonly worker: Worker;
  readonly sweep: Sweep;
  /** See `ReceiverStats`. */
  apiDownMs(): number | null;
  readonly counters: Counters;
  readonly pipeline: Pipeline;
  readonly refusedDeliveries: RefusedDeliveries;
  readonly deliveries: InFlight;
  readonly processing: InFlight;
  readonly afterReply: InFlight;
  /** How much runs in this process beside the attempts on entries of the inbox. */
  running(): number;
}

/** Milliseconds that aborted work can take to end and to give its lease back, and some more. */
const MAX_STOP_MS = 5000;

/** Creates the parts of a receiver and connects them. */
export function createParts(options: ResolvedOptions, logs: Logs, isClosed: () => boolean): Parts {
  const { inbox, clock, url, endpoint, secrets, consume, testEvents, limits } = options;
  const { concurrency, timeoutMs: handlerTimeoutMs } = options.handlers;
  const { metadata: metadataSchema } = options;
  const ofHandlers = { handlerTimeoutMs, metadataSchema };
  const shared = { inbox, clock, ...logs, endpoint, consume, testEvents, ...ofHandlers };
  const signer = secrets === null ? null : createSigner(secrets);
  const tokens = signer && createTokens(signer);
  const entryMacs = signer && createEntryMacs(signer);
  const handlers = createHandlers();
  const outcomeWaiters = createOutcomeWaiters();
  const bestEffortEvents = createBestEffortEvents({ ...shared, handlers });
  const workerParts = { handlers, outcomeWaiters, bestEffortEvents };
  const api = options.taskResults && watchApi(options.taskResults, clock);
  const taskResults = api?.client ?? null;
  const apiDownMs = () => api?.downMs() ?? null;
  const sweep = createSweep({ ...shared, taskResults });
  const counters = createCounters();
  const worker = createWorker({
    ...{ ...shared, ...workerParts, concurrency, retry: options.retry },
    ...{ taskResults, apiDownMs, confirm: options.confirm, attemptExpectation: sweep.attempt },
    onDisagreement: counters.disagreement,
  });
  const afterReply = createInFlight(clock, handlerTimeoutMs + MAX_STOP_MS);
  const acceptEvent = createAcceptEvent({
    ...shared,
    ...{ ack: options.ack, entryMacs, worker, outcomeWaiters, afterReply },
    onConflict: counters.conflict,
    onSweptBefore: sweep.countDelivery,
  });
  const refusedDeliveries = createRefusedDeliveries();
  const pipeline = createPipeline({
    ...{ ...shared, refusedDeliveries },
    ...{ limits, tokens, acceptEvent, bestEffortEvents, isClosed },
    bodyMemory: createBodyMemory(limits.maxTotalBodyBytes),
    warnOnce: createWarnOnce(logs.log),
    ...{ countReply: counters.reply, countRefusal: counters.refusal },
  });
  const deliveries = createInFlight(clock, limits.replyTimeoutMs + MAX_STOP_MS);
  const processing = createInFlight(clock);
  const running = () =>
    deliveries.size() + processing.size() + afterReply.size() + bestEffortEvents.running();
  return {
    ...{ ...shared, ...workerParts, url, tokens, entryMacs, worker, sweep, counters, pipeline },
    ...{ refusedDeliveries, apiDownMs },
    ...{ deliveries, processing, afterReply, running, maxAttempts: options.retry.maxAttempts },
  };
}

/** Ends what runs, and closes the inbox unless another receiver uses it. */
export async function closeParts(
  { inbox, clock, limits }: ResolvedOptions,
  { deliveries, worker, processing, afterReply, bestEffortEvents }: Parts,
  gracePeriodMs: number,
): Promise<void> {
  const deadline = monotonicMs(clock) + gracePeriodMs;
  const left = () => Math.max(0, deadline - monotonicMs(clock));
  await withDeadline(deliveries.idle(), limits.replyTimeoutMs, clock);
  await Promise.all([worker.stop(left()), processing.stop(left()), afterReply.stop(left())]);
  await bestEffortEvents.stop(left()); // the attempts above may have made dead letters
  if (removeInboxUser(inbox)) await inbox.close();
}
