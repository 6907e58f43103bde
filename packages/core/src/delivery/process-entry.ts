import * as z from 'zod';

import type { EntryMacs } from './entry-mac.ts';
import type { MetadataOption } from '../callback/callback.ts';
import { checkMetadata } from '../callback/metadata.ts';
import { readEvent, readPayload, statusOf } from '../events/envelope.ts';
import { causeOf } from '../handlers/attempt-errors.ts';
import type { BestEffortEvents } from '../handlers/best-effort-events.ts';
import type { Worker } from '../handlers/worker.ts';
import { newEntryShape } from '../inbox/new-entry-shape.ts';
import type { NewEntry, Outcome } from '../inbox/ports.ts';
import { abortSignal, parseArgument, strictOptions, validate } from '../shared/check-options.ts';
import type { Clock } from '../shared/clock.ts';
import { isBytes } from '../shared/copy-json.ts';
import { WebhookError } from '../shared/errors.ts';
import { followSignals } from '../shared/lazy-abort.ts';
import { parseJson, type JsonObject } from '../shared/json.ts';
import { toEntry } from './to-entry.ts';

/** What a foreign queue knows of a message. */
export interface ProcessOptions {
  /**
   * Number of this attempt, if the queue counts them. Default 1. A number above `retry.maxAttempts`
   * counts as the last attempt: the handlers run, and a failure is `dead`.
   */
  readonly attempt?: number | undefined;
  /** Names of handlers that are not run again: `outcome.succeededHandlers` of an earlier failure. */
  readonly succeededHandlers?: readonly string[] | undefined;
  /** Aborts the handlers. */
  readonly signal?: AbortSignal | undefined;
}

/** What a foreign queue knows of an event that no receiver accepted. */
export type ProcessUnverifiedOptions<Input extends object = object> = ProcessOptions &
  MetadataOption<Input>;

/**
 * Thrown when handlers failed. `outcome` says what to do with the message. `cause` is what the handler
 * threw, not redacted; an `AggregateError` if several handlers failed.
 */
export class HandlersFailedError extends WebhookError {
  /**
   * `retry`: deliver again after `delayMs`. `dead`: give up. `released`: aborted, or not confirmed yet
   * (`confirm`); deliver again after `delayMs`, and do not count the attempt.
   */
  readonly outcome: Exclude<Outcome, { type: 'done' }>;

  constructor(outcome: Exclude<Outcome, { type: 'done' }>) {
    const message = outcome.type === 'released' ? whyReleased(outcome) : outcome.reason;
    super('handler_failed', message, causeOf(outcome));
    this.name = 'HandlersFailedError';
    this.outcome = outcome;
  }
}

const whyReleased = ({ reason }: { readonly reason?: string }): string =>
  reason === undefined ? 'aborted' : `the event is not confirmed yet: ${reason}`;

/** What running the handlers outside the inbox needs. */
export interface ProcessDependencies {
  readonly endpoint: string;
  readonly clock: Clock;
  readonly testEvents: 'handle' | 'ignore';
  readonly maxAttempts: number;
  /** `null` with `insecure: true`: entries need no MAC. */
  readonly entryMacs: EntryMacs | null;
  readonly worker: Pick<Worker, 'attempt'>;
  readonly bestEffortEvents: BestEffortEvents;
}

/** @param closing aborted when the receiver closes */
export async function processEntry(
  message: unknown,
  uncheckedOptions: ProcessOptions,
  closing: AbortSignal,
  dependencies: ProcessDependencies,
): Promise<void> {
  const options = parseArgument('processEntry', optionsSchema, uncheckedOptions);
  const { mac, ...entry } = readEntry(parseMessage(message));
  const { entryMacs } = dependencies;
  if (entryMacs !== null && !(await entryMacs.verify({ ...entry, mac }))) {
    throw new WebhookError('unauthorized', NO_VALID_MAC);
  }
  requireEndpoint(entry, dependencies);
  const { testMode } = requireSameTask(entry);
  if (testMode && dependencies.testEvents === 'ignore') return;
  // Without a MAC the id proves nothing, and would keep the entry from being confirmed.
  const tokenId = entryMacs === null ? null : entry.tokenId;
  const source = 'delivery'; // `sweep` would keep it from being confirmed as well
  await attempt({ ...entry, testMode, tokenId, source }, options, closing, dependencies);
}

/** @param closing aborted when the receiver closes */
export async function processUnverified(
  message: unknown,
  uncheckedOptions: ProcessUnverifiedOptions,
  closing: AbortSignal,
  dependencies: ProcessDependencies,
): Promise<void> {
  const { bestEffortEvents } = dependencies;
  const options = parseArgument('processUnverified', unverifiedOptionsSchema, uncheckedOptions);
  const metadata = checkMetadata('processUnverified', options.metadata);
  const incoming = readEvent(parseMessage(message));
  if (incoming.kind === 'other') {
    void bestEffortEvents.other(incoming.event);
    return;
  }
  const { entry } = toEntry(incoming.event, { metadata, testMode: false }, dependencies);
  if (entry.testMode && dependencies.testEvents === 'ignore') return;
  if (incoming.kind === 'progress') void bestEffortEvents.progress(entry);
  else await attempt(entry, options, closing, dependencies);
}

async function attempt(
  entry: NewEntry,
  { attempt: attempts = 1, succeededHandlers = [], signal }: ProcessOptions,
  closing: AbortSignal,
  { worker, maxAttempts }: ProcessDependencies,
): Promise<void> {
  const counted = { ...entry, attempts: Math.min(attempts, maxAttempts), succeededHandlers };
  const signals = signal === undefined ? [closing] : [signal, closing];
  const outcome = await followSignals(signals, (abort) => worker.attempt(counted, abort.signal()));
  if (outcome.type !== 'done') throw new HandlersFailedError(outcome);
}

/** Text or bytes of JSON, or a value that is parsed already. */
function parseMessage(message: unknown): JsonObject {
  const isRaw = typeof message === 'string' || isBytes(message);
  return parseJson(isRaw ? message : { parsed: message });
}

const entrySchema = z.strictObject({
  ...newEntryShape,
  // taskType, source and traceparent have no effect on handlers, so the MAC does not cover them.
  taskType: z.string().default(''),
  source: newEntryShape.source.default('delivery'),
  traceparent: newEntryShape.traceparent.default(null),
  tokenId: newEntryShape.tokenId.default(null),
  mac: z.string().optional(),
});

const optionsShape = {
  attempt: z.int().positive().optional(),
  succeededHandlers: z.array(z.string()).optional(),
  signal: abortSignal,
};
const optionsSchema = strictOptions(optionsShape);
const unverifiedOptionsSchema = strictOptions({
  ...optionsShape,
  metadata: z.unknown().optional(),
});

/** A secret may serve several endpoints, and an entry is for the one that accepted it. */
function requireEndpoint(entry: NewEntry, { endpoint }: ProcessDependencies): void {
  if (entry.endpoint === endpoint) return;
  throw new WebhookError(
    'invalid_argument',
    `processEntry: the entry is of another endpoint than '${endpoint}'. Pass it to the receiver ` +
      'with the same endpoint option as the process that accepted the event.',
  );
}

/** The fields that the body repeats must agree with it, because handlers trust either. */
function requireSameTask({ taskId, status, body, testMode }: NewEntry): { testMode: boolean } {
  const incoming = readPayload(parseJson(body));
  const isSame =
    incoming.kind === 'result' &&
    incoming.event.taskId === taskId &&
    statusOf(incoming.event) === status;
  if (isSame) return { testMode: testMode || incoming.event.testMode };
  throw new WebhookError(
    'invalid_argument',
    'processEntry: taskId or status of the entry differ from its body, or the body is no result. ' +
      'Pass what addOnlyInbox.add() received, unchanged.',
  );
}

/** @throws WebhookError `invalid_argument` */
function readEntry(value: JsonObject): NewEntry {
  const checked = validate(entrySchema, value);
  if ('value' in checked) return checked.value;
  throw new WebhookError(
    'invalid_argument',
    `processEntry: the message is not an entry (${checked.fault}). ` +
      'Pass what addOnlyInbox.add() received; for a bare envelope use processUnverified().',
  );
}

const NO_VALID_MAC =
  'processEntry: the entry carries no valid MAC of this receiver. Create the worker with the ' +
  'secret of the process that accepted the event; for a bare envelope use processUnverified().';
