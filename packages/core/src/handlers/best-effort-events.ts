import type { OtherEvent } from '../events/envelope.ts';
import type { DeadLetterCode, Entry, NewEntry, Outcome } from '../inbox/ports.ts';
import type { Clock } from '../shared/clock.ts';
import { createInFlight } from '../shared/in-flight.ts';
import type { LazyAbort } from '../shared/lazy-abort.ts';
import { errorFields, withFields, type Logger } from '../shared/logger.ts';
import { redactJson } from '../shared/redact.ts';
import type { JsonObject } from '../shared/json.ts';
import type { StandardSchema } from '../shared/standard-schema.ts';
import { callHandler } from './call-handler.ts';
import { noTransaction } from './handler-transaction.ts';
import type { DeadLetter, Handlers } from './handlers.ts';
import { parseStoredBody } from './parse-stored-body.ts';
import { runHandler } from './run-handler.ts';

type DeadOutcome = Extract<Outcome, { readonly type: 'dead' }>;

/** Runs the handlers of events that are not stored: best effort, at most once. */
export interface BestEffortEvents {
  /** @returns `null` if no handler wants the event; else a promise for the end of the handlers */
  progress(entry: NewEntry): Promise<unknown> | null;
  /** Like `progress`. */
  other(event: OtherEvent): Promise<unknown> | null;
  /** Resolves when the handlers have ended. */
  deadLetter(entry: Entry, outcome: DeadOutcome): Promise<unknown>;
  /** Runs that were left out because too many were running. */
  dropped(): number;
  running(): number;
  /** Waits up to `gracePeriodMs` milliseconds for running handlers, then aborts them. */
  stop(gracePeriodMs: number): Promise<void>;
}

export interface BestEffortEventsOptions {
  readonly handlers: Handlers;
  readonly handlerTimeoutMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** Passed to the handlers. */
  readonly handlerLog: Logger;
  readonly metadataSchema: StandardSchema<unknown, JsonObject> | undefined;
}

const MAX_RUNNING = 1000;

const ONE_ATTEMPT = { attempt: 1, maxAttempts: 1, transaction: noTransaction };

/** The event that `receiver.check()` posts to its own address. No handler gets it. */
export const PROBE_EVENT_TYPE = 'NOVITA_WEBHOOKS_PROBE';

const DEAD_LETTER =
  'worker: an event became a dead letter. Replay it with inbox.replay() when the cause is removed.';

export function createBestEffortEvents(options: BestEffortEventsOptions): BestEffortEvents {
  const { handlers, handlerTimeoutMs, clock, log, handlerLog } = options;
  const progressOptions = { ...ONE_ATTEMPT, ...options, log: handlerLog };
  const maxMs = 2 * handlerTimeoutMs; // after that, a handler counts as stuck
  const events = createInFlight(clock, maxMs);
  // Bounded by the entries of the inbox: none is dropped.
  const deadLetters = createInFlight(clock, maxMs);
  let dropped = 0;

  async function run(kind: string, handle: (abort: LazyAbort) => unknown): Promise<void> {
    if (events.size() >= MAX_RUNNING) dropped += 1;
    else await events.run((abort) => runLogged(kind, handle, abort));
  }

  async function runLogged(
    kind: string,
    handle: (abort: LazyAbort) => unknown,
    outer: LazyAbort,
  ): Promise<void> {
    const end = await runHandler(handle, handlerTimeoutMs, outer, clock);
    if (end.type === 'failed')
      log.warn({ handler: kind, ...errorFields(end.thrown) }, `handlers: ${kind} failed`);
    if (end.type === 'stuck') log.warn({}, `handlers: ${kind} ignores its signal and still runs`);
  }

  return {
    progress(entry) {
      const { result } = parseStoredBody(entry);
      const matching = result === null ? [] : handlers.matching(result);
      const runs = matching.map(({ handle }) =>
        run('onTaskProgress', (abort) => {
          const { result: own } = parseStoredBody(entry);
          return own && callHandler(handle, own, entry, { ...progressOptions, abort });
        }),
      );
      return runs.length > 0 ? Promise.all(runs) : null;
    },
    other(event) {
      if (event.event_type === PROBE_EVENT_TYPE) return null;
      const redacted = redactJson(event);
      const runs = handlers.other.map((handle) =>
        run('onOtherEvent', () => handle(JSON.parse(redacted) as OtherEvent, { log: handlerLog })),
      );
      return runs.length > 0 ? Promise.all(runs) : null;
    },
    deadLetter(entry, { reason, code = 'handler_failed' }) {
      const { taskId, attempts } = entry;
      // The reader of a leaked URL can cause any number of them, so they are no errors.
      const level = code === 'unconfirmed' ? 'warn' : 'error';
      log[level]({ taskId, attempts, code, reason }, DEAD_LETTER);
      const taskLog = withFields(handlerLog, { taskId });
      const runs = handlers.deadLetter.map((handle) => {
        const handleLetter = () => handle(toDeadLetter(entry, code, reason), { log: taskLog });
        return deadLetters.run((abort) => runLogged('onDeadLetter', handleLetter, abort));
      });
      return Promise.all(runs);
    },
    dropped: () => dropped,
    running: () => events.size() + deadLetters.size(),
    async stop(gracePeriodMs) {
      await Promise.all([events.stop(gracePeriodMs), deadLetters.stop(gracePeriodMs)]);
    },
  };
}

function toDeadLetter(entry: Entry, code: DeadLetterCode, reason: string): DeadLetter {
  const { taskId, attempts, testMode, body } = entry;
  const receivedAt = new Date(entry.receivedAt);
  const metadata = structuredClone(entry.metadata);
  return { taskId, code, reason, attempts, receivedAt, metadata, testMode, body };
}
