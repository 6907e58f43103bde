import { createCallback, type CallbackConfig, type CallbackOptions } from './callback/callback.ts';
import { createEntryMacs } from './delivery/entry-mac.ts';
import { createSigner, NO_SECRET } from './callback/signer.ts';
import { createTokens, type TokenRefusal } from './callback/token.ts';
import { createAcceptEvent } from './delivery/accept-event.ts';
import { createPipeline } from './delivery/pipeline.ts';
import {
  processEntry,
  processUnverified,
  type ProcessOptions,
  type ProcessUnverifiedOptions,
} from './delivery/process-entry.ts';
import type { RuntimeContext, WebhookReply, WebhookRequest } from './delivery/request.ts';
import { createBestEffortEvents } from './handlers/best-effort-events.ts';
import { createHandlers } from './handlers/handlers.ts';
import { createOutcomeWaiters } from './handlers/outcome-waiters.ts';
import { createRegistration, type Registration } from './handlers/registration.ts';
import { createWarnOnce } from './handlers/warn-once.ts';
import { createWorker } from './handlers/worker.ts';
import { addInboxUser, removeInboxUser } from './inbox/inbox-users.ts';
import type { Inbox, InboxStats, Outcome } from './inbox/ports.ts';
import { findProblems, type Finding } from './self-check/find-problems.ts';
import { resolveOptions, type ReceiverOptions, type ResolvedOptions } from './options.ts';
import { checkInbox, probeUrl } from './self-check/probe.ts';
import { monotonicMs, withDeadline } from './shared/clock.ts';
import { WebhookError, type ReplyCode } from './shared/errors.ts';
import { createInFlight } from './shared/in-flight.ts';
import { createLogs, type Logs } from './shared/create-logs.ts';
import { createStartReport } from './self-check/start-report.ts';
import { waitUntilIdle, type IdleOptions } from './inbox/wait-until-idle.ts';

/** Counters since the receiver was created, and the present state of its inbox. */
export interface ReceiverStats {
  readonly inbox: InboxStats;
  /** Deliveries by the code of their reply. */
  readonly replies: Readonly<Partial<Record<ReplyCode, number>>>;
  /**
   * Refused deliveries by the fault of their token. `unknown_key`: made with another secret, as by a
   * process that is configured differently.
   */
  readonly refusedTokens: Readonly<Partial<Record<TokenRefusal, number>>>;
  /** Attempts by outcome. */
  readonly outcomes: Readonly<Record<Outcome['type'], number>>;
  /** Later events with another status than the first event of their task. */
  readonly conflicts: number;
  /** Progress and other events that were not handled, because too many were running. */
  readonly dropped: number;
}

/** One webhook endpoint: accepts deliveries, stores events, runs handlers. */
export interface Receiver<Tx = unknown> extends Registration<Tx> {
  readonly inbox: Inbox<Tx>;
  /** Takes one delivery and returns the reply. Never rejects. */
  handle(request: WebhookRequest, runtime?: RuntimeContext): Promise<WebhookReply>;
  /**
   * Mints the callback URL of one task, as the value of `extra.webhook` in the submit call.
   *
   * @throws WebhookError `invalid_option` without `url`, `invalid_argument`
   * @example
   * body.extra.webhook = await receiver.createCallback({ metadata: { orderId: 42 } });
   */
  createCallback(options?: CallbackOptions): Promise<CallbackConfig>;
  /** Like `createCallback`, but returns only the URL, for APIs with a `callback_url`. */
  createCallbackUrl(options?: Omit<CallbackOptions, 'testMode'>): Promise<string>;
  /**
   * Runs the handlers on an entry that an add-only inbox put into a queue of your own. Resolves when
   * all handlers have succeeded: acknowledge the message then. Does not deduplicate.
   *
   * @param entry the argument of `addOnlyInbox.add()`, as text or bytes of JSON or parsed. Its `mac`
   * proves that a receiver with the same secret accepted the event.
   * @throws WebhookError `handler_failed` (see {@link HandlersFailedError}), `unauthorized` without a
   * valid MAC, `invalid_argument` if it is not an entry, `invalid_json`, `closing`
   * @example
   * queue.onMessage((message) => worker.processEntry(message.data));
   */
  processEntry(entry: unknown, options?: ProcessOptions): Promise<void>;
  /**
   * Runs the handlers on an event that **nothing has verified**: a sender that can write to the queue
   * can forge it. Use it only for a queue that no stranger can write to. Otherwise like
   * `processEntry`.
   *
   * @param event the envelope as Novita sent it, as text or bytes of JSON or parsed
   * @throws WebhookError `handler_failed` (see {@link HandlersFailedError}), `missing_event_type`,
   * `missing_task_id`, `invalid_json`, `closing`
   */
  processUnverified(event: unknown, options?: ProcessUnverifiedOptions): Promise<void>;

  /**
   * Starts to handle the entries of the inbox, as soon as a handler is registered. Adapters call it. A
   * worker process without a server calls it itself. Register all handlers before, or in the same
   * tick. Does nothing with `consume: false`.
   *
   * @example
   * const worker = createReceiver({ inbox }); // shared with the processes that accept deliveries
   * worker.onTaskSucceeded(async ({ task, images }) => { … });
   * worker.start();
   */
  start(): void;
  /**
   * Replies 503 from now on, waits for running work, then closes the inbox, unless another receiver
   * uses it.
   *
   * @param options `gracePeriodMs`: milliseconds until running handlers are aborted; default 10 s.
   * Before that, deliveries have up to `limits.replyTimeoutMs`; after that, aborted handlers have up to
   * 2 s to end. A handler that ignores its signal keeps running: end the process, or the entry may run
   * beside another worker.
   */
  close(options?: { readonly gracePeriodMs?: number | undefined }): Promise<void>;
  stats(): Promise<ReceiverStats>;
  /**
   * Resolves when this process runs nothing and no entry of the inbox is due for it. An entry that
   * waits for its next attempt is not due. For tests and scripts: it lists the inbox again and again,
   * and in a shared inbox it also waits for entries that other processes run.
   *
   * @throws WebhookError `idle_timeout` after `timeoutMs` milliseconds; names what is still waiting
   * @example
   * await receiver.idle({ timeoutMs: 5000 });
   */
  idle(options?: IdleOptions): Promise<void>;
  /**
   * Looks for what is wrong: options, handlers, the inbox, and whether a request to `url` reaches this
   * endpoint. For the last it posts an event to `url` that is ignored. Changes nothing.
   *
   * @returns what was found; an empty list if all is well
   * @example
   * for (const { level, message } of await receiver.check()) console.log(level, message);
   */
  check(options?: CheckOptions): Promise<readonly Finding[]>;
}

/** How far `receiver.check()` goes. */
export interface CheckOptions {
  /** Whether to post to `url`. Default `true`. */
  readonly request?: boolean | undefined;
  /** Milliseconds for the inbox and for the request to answer, each; default 5 s. */
  readonly timeoutMs?: number | undefined;
}

/**
 * Creates a receiver.
 *
 * @throws WebhookError `invalid_option`
 * @example
 * const receiver = createReceiver({ url: 'https://example.com/webhooks/novita', secret });
 * receiver.onTaskSucceeded(async ({ task, images }) => { … });
 */
export function createReceiver<Tx = unknown>(input: ReceiverOptions<Tx>): Receiver<Tx>;
// The inbox's transactions are passed through, so the implementation needs no type for them.
export function createReceiver(input: ReceiverOptions): Receiver {
  const options = resolveOptions(input);
  const { inbox, clock, endpoint, url, secrets } = options;
  const logs = createLogs(options);
  const isClosed = () => closing !== undefined;
  const parts = createParts(options, logs, isClosed);
  const { tokens, worker, bestEffortEvents, counters, deliveries, processing } = parts;
  const report = createStartReport(options, { handlers: parts.handlers, log: logs.log, isClosed });
  let closing: Promise<void> | undefined;
  addInboxUser(inbox, logs.log);

  function handlersChanged(): void {
    report.handlersChanged();
    worker.handlersChanged();
  }

  function whileOpen(method: string, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    if (closing === undefined) return processing.run(({ signal }) => work(signal));
    return Promise.reject(new WebhookError('closing', `${method}: the receiver is closed`));
  }

  const receiver: Receiver = {
    ...createRegistration(parts.handlers, handlersChanged, input),
    inbox,
    handle(request, runtime = {}) {
      const accepted = parts.pipeline(request, runtime);
      const reply = closing === undefined ? deliveries.track(accepted) : accepted; // close() does not wait for these
      return report.isPathKnown() ? reply : reply.then((it) => report.afterDelivery(request, it));
    },
    createCallback: (callbackOptions = {}) =>
      createCallback(callbackOptions, { url, endpoint, tokens, clock }),
    createCallbackUrl: async (callbackOptions = {}) =>
      (await createCallback(callbackOptions, { url, endpoint, tokens, clock })).url,
    processEntry: (entry, processOptions = {}) =>
      whileOpen('processEntry', (signal) => processEntry(entry, processOptions, signal, parts)),
    processUnverified: (event, processOptions = {}) =>
      whileOpen('processUnverified', (signal) =>
        processUnverified(event, processOptions, signal, parts),
      ),
    start() {
      report.start();
      worker.start();
    },
    idle: ({ timeoutMs = Infinity } = {}) =>
      waitUntilIdle({ ...parts, isConsuming: worker.isConsuming }, timeoutMs),
    async check({ request = true, timeoutMs = 5000 } = {}) {
      const isProbed = request && url !== null && secrets?.length !== 0;
      const probe = async () =>
        isProbed ? probeUrl(await receiver.createCallbackUrl(), timeoutMs) : [];
      const found = await Promise.all([checkInbox(options, timeoutMs), probe()]);
      return [...findProblems(report.checked()), ...found.flat()];
    },
    close: ({ gracePeriodMs = 10_000 } = {}) =>
      (closing ??= close(options, parts, gracePeriodMs).finally(logs.flush)),
    async stats() {
      const own = { outcomes: worker.outcomes(), dropped: bestEffortEvents.dropped() };
      return { inbox: await inbox.stats(), ...counters.read(), ...own };
    },
  };
  const refusal = secrets?.length === 0 ? NO_SECRET : null;
  adapterSides.set(receiver, { refusal, reportStart: report.start });
  return receiver;
}

/** Milliseconds that aborted work can take to end and to give its lease back, and some more. */
const MAX_STOP_MS = 5000;

/** Creates the parts of a receiver and connects them. */
function createParts(options: ResolvedOptions, logs: Logs, isClosed: () => boolean) {
  const { inbox, clock, endpoint, secrets, consume, testEvents, limits } = options;
  const { concurrency, timeoutMs: handlerTimeoutMs } = options.handlers;
  const shared = { inbox, clock, ...logs, endpoint, consume, testEvents, handlerTimeoutMs };
  const signer = secrets === null ? null : createSigner(secrets);
  const tokens = signer && createTokens(signer);
  const entryMacs = signer && createEntryMacs(signer);
  const handlers = createHandlers();
  const outcomeWaiters = createOutcomeWaiters();
  const bestEffortEvents = createBestEffortEvents({ ...shared, handlers });
  const workerParts = { handlers, outcomeWaiters, bestEffortEvents };
  const worker = createWorker({ ...shared, ...workerParts, concurrency, retry: options.retry });
  const counters = createCounters();
  const afterReply = createInFlight(clock, handlerTimeoutMs + MAX_STOP_MS);
  const acceptEvent = createAcceptEvent({
    ...shared,
    ...{ ack: options.ack, entryMacs, worker, outcomeWaiters, afterReply },
    onConflict: counters.conflict,
  });
  const pipeline = createPipeline({
    ...shared,
    ...{ limits, tokens, acceptEvent, bestEffortEvents, isClosed },
    warnOnce: createWarnOnce(logs.log),
    ...{ countReply: counters.reply, countRefusal: counters.refusal },
  });
  const deliveries = createInFlight(clock, limits.replyTimeoutMs + MAX_STOP_MS);
  const processing = createInFlight(clock);
  const running = () =>
    deliveries.size() + processing.size() + afterReply.size() + bestEffortEvents.running();
  return {
    ...{ ...shared, ...workerParts, tokens, entryMacs, worker, counters, pipeline },
    ...{ deliveries, processing, afterReply, running, maxAttempts: options.retry.maxAttempts },
  };
}

async function close(
  { inbox, clock, limits }: ResolvedOptions,
  { deliveries, worker, processing, afterReply, bestEffortEvents }: ReturnType<typeof createParts>,
  gracePeriodMs: number,
): Promise<void> {
  const deadline = monotonicMs(clock) + gracePeriodMs;
  const left = () => Math.max(0, deadline - monotonicMs(clock));
  await withDeadline(deliveries.idle(), limits.replyTimeoutMs, clock);
  await Promise.all([worker.stop(left()), processing.stop(left()), afterReply.stop(left())]);
  await bestEffortEvents.stop(left()); // the attempts above may have made dead letters
  if (removeInboxUser(inbox)) await inbox.close();
}

/** What adapters need of a receiver. */
export interface AdapterSide {
  /** Why it accepts no deliveries; `null` if it does. */
  readonly refusal: string | null;
  /** Tells the receiver where it is mounted. */
  readonly reportStart: (path?: string) => void;
}

const adapterSides = new WeakMap<object, AdapterSide>();

/** For `toReceiver`: it is no part of the public receiver. */
export function adapterSideOf(receiver: object): AdapterSide | undefined {
  return adapterSides.get(receiver);
}

function createCounters() {
  const replies: Partial<Record<ReplyCode, number>> = {};
  const refusedTokens: Partial<Record<TokenRefusal, number>> = {};
  let conflicts = 0;
  return {
    reply: (code: ReplyCode) => void (replies[code] = (replies[code] ?? 0) + 1),
    refusal: (verdict: TokenRefusal) =>
      void (refusedTokens[verdict] = (refusedTokens[verdict] ?? 0) + 1),
    conflict: () => void (conflicts += 1),
    read: () => ({ replies: { ...replies }, refusedTokens: { ...refusedTokens }, conflicts }),
  };
}
