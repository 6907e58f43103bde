import { z } from 'zod';

import type { EntryMacs } from '../callback/entry-mac.ts';
import { isTaskId, readEvent } from '../events/envelope.ts';
import type { BestEffortEvents } from '../handlers/best-effort-events.ts';
import type { Worker } from '../handlers/worker.ts';
import type { NewEntry, Outcome } from '../inbox/ports.ts';
import { describeIssues } from '../shared/check-options.ts';
import type { Clock } from '../shared/clock.ts';
import { WebhookError } from '../shared/errors.ts';
import { isObject, parseJson, type JsonObject } from '../shared/json.ts';
import { toEntry } from './to-entry.ts';

/** What a foreign queue knows of a message. */
export interface ProcessOptions {
  /** Number of this attempt, if the queue counts them. Default 1. */
  readonly attempt?: number | undefined;
  /** Names of handlers that are not run again: `outcome.succeededHandlers` of an earlier failure. */
  readonly succeededHandlers?: readonly string[] | undefined;
  /** Aborts the handlers. */
  readonly signal?: AbortSignal | undefined;
}

/** What a foreign queue knows of an event that no receiver accepted. */
export interface ProcessUnverifiedOptions extends ProcessOptions {
  /** Becomes `context.metadata`. */
  readonly metadata?: JsonObject | undefined;
}

/** Thrown when handlers failed. `outcome` says what to do with the message. */
export class HandlersFailedError extends WebhookError {
  /** `retry`: deliver again after `delayMs`. `dead`: give up. `released`: aborted, deliver again. */
  readonly outcome: Exclude<Outcome, { type: 'done' }>;

  constructor(outcome: Exclude<Outcome, { type: 'done' }>) {
    super('handler_failed', outcome.type === 'released' ? 'aborted' : outcome.reason);
    this.outcome = outcome;
  }
}

/** What running the handlers outside the inbox needs. */
export interface ProcessDependencies {
  readonly endpoint: string;
  readonly clock: Clock;
  readonly testEvents: 'handle' | 'ignore';
  /** `null` with `insecure: true`: entries need no MAC. */
  readonly entryMacs: EntryMacs | null;
  readonly worker: Pick<Worker, 'attempt'>;
  readonly bestEffortEvents: BestEffortEvents;
}

/** @param closing aborted when the receiver closes */
export async function processEntry(
  message: unknown,
  options: ProcessOptions,
  closing: AbortSignal,
  dependencies: ProcessDependencies,
): Promise<void> {
  const { mac, ...entry } = readEntry(parseMessage(message));
  const { entryMacs } = dependencies;
  if (entryMacs !== null && !(await entryMacs.verify({ ...entry, mac }))) {
    throw new WebhookError('unauthorized', NO_VALID_MAC);
  }
  parseJson(entry.body); // rejects with `invalid_json` here, and not in the middle of an attempt
  await attempt(entry, options, closing, dependencies);
}

/** @param closing aborted when the receiver closes */
export async function processUnverified(
  message: unknown,
  { metadata = {}, ...options }: ProcessUnverifiedOptions,
  closing: AbortSignal,
  dependencies: ProcessDependencies,
): Promise<void> {
  const { bestEffortEvents } = dependencies;
  const incoming = readEvent(parseMessage(message));
  if (incoming.kind === 'other') {
    bestEffortEvents.other(incoming.event);
    return;
  }
  const entry = toEntry(incoming.event, { metadata, testMode: false }, dependencies);
  if (entry.testMode && dependencies.testEvents === 'ignore') return;
  if (incoming.kind === 'progress') bestEffortEvents.progress(entry);
  else await attempt(entry, options, closing, dependencies);
}

async function attempt(
  entry: NewEntry,
  { attempt: attempts = 1, succeededHandlers = [], signal }: ProcessOptions,
  closing: AbortSignal,
  { worker }: ProcessDependencies,
): Promise<void> {
  const either = signal === undefined ? closing : AbortSignal.any([signal, closing]);
  const outcome = await worker.attempt(
    { ...entry, attempts, succeededHandlers, isTakeover: false },
    either,
  );
  if (outcome.type !== 'done') throw new HandlersFailedError(outcome);
}

/** Text or bytes of JSON, or a value that is parsed already. */
function parseMessage(message: unknown): JsonObject {
  const isRaw = typeof message === 'string' || message instanceof Uint8Array;
  return parseJson(isRaw ? message : { parsed: message });
}

const entrySchema = z.strictObject({
  endpoint: z.string().min(1).max(64),
  taskId: z.string().refine(isTaskId, 'must be a task id'),
  status: z.string().regex(/^\w{0,64}$/),
  body: z.string(),
  schemaError: z.string().nullable(),
  metadata: z.custom<JsonObject>(isObject, 'must be an object'),
  testMode: z.boolean(),
  receivedAt: z.number().min(0).max(8.64e15), // what a Date can hold
  mac: z.string().optional(),
});

/** @throws WebhookError `invalid_argument` */
function readEntry(value: JsonObject): NewEntry {
  const parsed = entrySchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new WebhookError(
    'invalid_argument',
    `processEntry: the message is not an entry (${describeIssues(parsed.error)}). ` +
      'Pass what addOnlyInbox.add() received; for a bare envelope use processUnverified().',
  );
}

const NO_VALID_MAC =
  'processEntry: the entry carries no valid MAC of this receiver. Create the worker with the ' +
  'secret of the process that accepted the event; for a bare envelope use processUnverified().';
