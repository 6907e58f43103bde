import { contextOf } from './attempt.ts';
import type { OtherEvent } from '../events/envelope.ts';
import type { DeadLetter, Handlers } from './handlers.ts';
import { createInFlight } from '../shared/in-flight.ts';
import type { Entry, NewEntry } from '../inbox/ports.ts';
import { errorFields, withFields, type Logger } from '../shared/logger.ts';
import type { ResolvedOptions } from '../options.ts';
import { noTransaction } from './handler-transaction.ts';
import { redactJson } from '../shared/redact.ts';
import { runHandler } from './run-handler.ts';
import { parseTaskResult } from '../events/task-result-schema.ts';

/** Tells handlers what nobody waits for: best effort, at most once. */
export interface Announcer {
  /** Whether anybody wanted to hear it. */
  progress(entry: NewEntry): boolean;
  /** Whether anybody wanted to hear it. */
  other(event: OtherEvent): boolean;
  deadLetter(entry: Entry, reason: string): void;
  /** How often nobody was told, because too much was under way. */
  dropped(): number;
  /** Waits for what is under way, then aborts the rest. */
  stop(gracePeriodMs: number): Promise<void>;
}

const MAX_UNDER_WAY = 1000;

export function createAnnouncer(
  options: ResolvedOptions,
  handlers: Handlers,
  log: Logger,
): Announcer {
  const { clock } = options;
  const inFlight = createInFlight(clock);
  const letters = createInFlight(clock); // bounded by the entries there are: none is dropped
  let dropped = 0;

  function tell(what: string, handle: (signal: AbortSignal) => unknown): void {
    if (inFlight.size() >= MAX_UNDER_WAY) dropped += 1;
    else void inFlight.run((signal) => attempt(what, handle, signal));
  }

  async function attempt(
    what: string,
    handle: (signal: AbortSignal) => unknown,
    signal: AbortSignal,
  ): Promise<void> {
    const end = await runHandler(handle, options.handlers.timeoutMs, signal, clock);
    if (end.type === 'failed') log.warn(errorFields(end.thrown), `the ${what} handler failed`);
    if (end.type === 'stuck') log.warn({}, `the ${what} handler does not end`);
  }

  return {
    progress(entry) {
      const parse = () => parseTaskResult(JSON.parse(entry.body), entry.receivedAt).result;
      const result = parse();
      const wanted = result === null ? [] : handlers.matching(result);
      const attempted = { ...entry, attempts: 1, succeededHandlers: [] };
      const context = { maxAttempts: 1, log, transaction: noTransaction };
      for (const { handle } of wanted) {
        tell('progress', (signal) => {
          const own = parse(); // none sees what another one did to the result
          return own && handle(own, contextOf(attempted, signal, context));
        });
      }
      return wanted.length > 0;
    },
    other(event) {
      const redacted = redactJson(event);
      for (const handle of handlers.other) {
        tell('other event', () => handle(JSON.parse(redacted) as OtherEvent, { log }));
      }
      return handlers.other.length > 0;
    },
    deadLetter(entry, reason) {
      const own = withFields(log, { taskId: entry.taskId });
      own.error({ attempts: entry.attempts, reason }, 'an event became a dead letter');
      for (const handle of handlers.deadLetter) {
        void letters.run((signal) =>
          attempt('dead letter', () => handle(letterOf(entry, reason), { log: own }), signal),
        );
      }
    },
    dropped: () => dropped,
    async stop(gracePeriodMs) {
      await Promise.all([inFlight.stop(gracePeriodMs), letters.stop(gracePeriodMs)]);
    },
  };
}

function letterOf(entry: Entry, reason: string): DeadLetter {
  const { taskId, attempts, testMode, body } = entry;
  const receivedAt = new Date(entry.receivedAt);
  const metadata = structuredClone(entry.metadata);
  return { taskId, reason, attempts, receivedAt, metadata, testMode, body };
}
