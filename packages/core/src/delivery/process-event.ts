import type { Announcer } from '../handlers/best-effort-events.ts';
import { WebhookError } from '../shared/errors.ts';
import { readEvent } from '../events/envelope.ts';
import type { NewEntry, Outcome } from '../inbox/ports.ts';
import { isObject, parseJson, type JsonObject } from '../shared/json.ts';
import type { ResolvedOptions } from '../options.ts';
import { toEntry } from './to-entry.ts';
import type { Worker } from '../handlers/worker.ts';

/** What a queue of your own knows of an event. */
export interface ProcessOptions {
  /** Which attempt this is, from 1 on, when your queue counts them. */
  readonly attempt?: number | undefined;
  /** Names of handlers that need not run again: `succeededHandlers` of an earlier failure. */
  readonly succeededHandlers?: readonly string[] | undefined;
  /** For an envelope: becomes `context.metadata`. An entry brings its own. */
  readonly metadata?: JsonObject | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What `receiver.process()` throws when handlers failed: what to do with the message. */
export class HandlersFailedError extends WebhookError {
  /** `again`: redeliver after `delayMs`. `dead`: no use. `released`: aborted, redeliver. */
  readonly outcome: Exclude<Outcome, { type: 'done' }>;

  constructor(outcome: Exclude<Outcome, { type: 'done' }>) {
    super('handler_failed', outcome.type === 'released' ? 'aborted' : outcome.reason);
    this.outcome = outcome;
  }
}

export interface ProcessParts {
  readonly options: ResolvedOptions;
  readonly worker: Pick<Worker, 'attempt'>;
  readonly announcer: Announcer;
}

/** Runs the handlers on an event that reached this process some other way. */
export async function processEvent(
  event: unknown,
  { attempt = 1, succeededHandlers = [], metadata = {}, signal }: ProcessOptions,
  closing: AbortSignal,
  parts: ProcessParts,
): Promise<void> {
  const isRaw = typeof event === 'string' || event instanceof Uint8Array;
  const value = parseJson(isRaw ? event : { parsed: event });
  const entry = isEntry(value) ? withReadableBody(value) : fromEnvelope(value, metadata, parts);
  if (entry === null) return;
  const either = signal === undefined ? closing : AbortSignal.any([signal, closing]);
  const attempted = { ...entry, attempts: attempt, succeededHandlers };
  const outcome = await parts.worker.attempt(attempted, either);
  if (outcome.type !== 'done') throw new HandlersFailedError(outcome);
}

function withReadableBody(entry: NewEntry): NewEntry {
  parseJson(entry.body); // throws what `process` promises, and not later in the middle of an attempt
  return entry;
}

/** `null` for what is not a result: it is announced, and that is all. */
function fromEnvelope(
  envelope: JsonObject,
  metadata: JsonObject,
  { options, announcer }: ProcessParts,
): NewEntry | null {
  const incoming = readEvent(envelope);
  if (incoming.kind === 'other') {
    announcer.other(incoming.event);
    return null;
  }
  const entry = toEntry(incoming.event, { metadata, testMode: false }, options);
  if (entry.testMode && options.testEvents === 'ignore') return null;
  if (incoming.kind === 'result') return entry;
  announcer.progress(entry);
  return null;
}

/** An entry that made its way through somebody's queue. */
function isEntry(value: unknown): value is NewEntry {
  return (
    isObject(value) &&
    typeof value['taskId'] === 'string' &&
    typeof value['body'] === 'string' &&
    typeof value['receivedAt'] === 'number' &&
    isObject(value['metadata'])
  );
}
