import { createAnnouncer } from './handlers/best-effort-events.ts';
import { createCallback, type CallbackConfig, type CallbackOptions } from './callback/callback.ts';
import { withDeadline } from './shared/clock.ts';
import { WebhookError, type ReplyCode } from './shared/errors.ts';
import { createHandlers } from './handlers/handlers.ts';
import { createInFlight } from './shared/in-flight.ts';
import { releaseInbox, shareInbox } from './inbox/inbox-users.ts';
import type { Inbox, InboxStats, Outcome } from './inbox/ports.ts';
import { createKeeper } from './delivery/accept-event.ts';
import { safeLogger } from './shared/logger.ts';
import { resolveOptions, type ReceiverOptions } from './options.ts';
import { createPipeline } from './delivery/pipeline.ts';
import { processEvent, type ProcessOptions } from './delivery/process-event.ts';
import { createRegistration, type Registration } from './handlers/registration.ts';
import type { RuntimeContext, WebhookReply, WebhookRequest } from './delivery/request.ts';
import { createSettlements } from './handlers/outcome-waiters.ts';
import { createTokens, NO_SECRET } from './callback/token.ts';
import { createWorker } from './handlers/worker.ts';

/** Figures since the receiver was made, and of its inbox now. */
export interface ReceiverStats {
  readonly inbox: InboxStats;
  /** Deliveries by what was answered. */
  readonly replies: Readonly<Partial<Record<ReplyCode, number>>>;
  /** Attempts by what came of them. */
  readonly outcomes: Readonly<Record<Outcome['type'], number>>;
  /** Later events that contradicted the first one of their task. */
  readonly conflicts: number;
  /** Progress and other events that nobody heard, because too many came at a time. */
  readonly dropped: number;
}

/** One endpoint for webhooks: takes deliveries, keeps events, runs handlers. */
export interface Receiver<Tx = unknown> extends Registration<Tx> {
  readonly inbox: Inbox<Tx>;
  /** Takes one delivery and says what to answer. Never rejects. */
  handle(request: WebhookRequest, runtime?: RuntimeContext): Promise<WebhookReply>;
  /**
   * Makes the callback URL for one task, in the form in which Novita takes it.
   *
   * @throws WebhookError `invalid_option` without `url`, `invalid_argument`
   * @example
   * body.extra.webhook = await receiver.createCallback({ metadata: { orderId: 42 } });
   */
  createCallback(options?: CallbackOptions): Promise<CallbackConfig>;
  /** {@link createCallback} as a bare URL, for APIs that take a `callback_url`. */
  createCallbackUrl(options?: Omit<CallbackOptions, 'testMode'>): Promise<string>;
  /**
   * Runs the handlers on an event that came through a queue of your own. Resolves when all have
   * succeeded: acknowledge the message then. The inbox is not asked, so nothing is deduplicated.
   *
   * @param event the envelope as Novita sent it, or an entry as `inbox.add` got it; as text or
   * bytes of JSON, or parsed
   * @throws WebhookError `handler_failed` (see {@link HandlersFailedError}), `missing_event_type`,
   * `missing_task_id`, `invalid_json`, `closing`
   */
  process(event: unknown, options?: ProcessOptions): Promise<void>;

  /**
   * Begins to handle what the inbox holds, as soon as there is a handler. Adapters call it; a
   * worker process without a server does so itself. Register all handlers before, or in the same
   * tick. Does nothing with `consume: false`.
   *
   * @example
   * const worker = createReceiver({ inbox }); // shared with the processes that take events
   * worker.onTaskSucceeded(async ({ task, images }) => { … });
   * worker.start();
   */
  start(): void;
  /**
   * Answers 503 from now on, waits for what is under way, then closes the inbox, unless another
   * receiver still uses it.
   *
   * @param options `gracePeriodMs`: milliseconds that handlers may go on before they are aborted; default
   * 10 s. Before them deliveries have up to `limits.replyTimeoutMs`, and after them aborted handlers have
   * up to 2 s to end and give their leases back. A handler that ignores its signal goes on all the
   * same: end the process, or it may run beside another worker.
   */
  close(options?: { readonly gracePeriodMs?: number | undefined }): Promise<void>;
  stats(): Promise<ReceiverStats>;
}

/**
 * Makes a receiver: everything between a request and the handlers.
 *
 * @throws WebhookError `invalid_option`
 * @example
 * const receiver = createReceiver({ url: 'https://example.com/webhooks/novita', secret });
 * receiver.onTaskSucceeded(async ({ task, images }) => { … });
 */
export function createReceiver<Tx = unknown>(input: ReceiverOptions<Tx>): Receiver<Tx>;
// What the inbox hands to handlers only passes through here.
export function createReceiver(input: ReceiverOptions): Receiver {
  const options = resolveOptions(input);
  const { inbox, clock, endpoint, url, secrets } = options;
  const log = safeLogger(options.logger);
  const tokens = secrets === null ? null : createTokens(secrets);
  const handlers = createHandlers();
  const settlements = createSettlements();
  const announcer = createAnnouncer(options, handlers, log);
  const worker = createWorker({ options, handlers, settlements, announcer, log });
  const deliveries = createInFlight(clock);
  const processed = createInFlight(clock);
  const afterwards = createInFlight(clock);
  const counters = createCounters();
  let closed: Promise<void> | undefined;
  shareInbox(inbox, log);

  const onConflict = counters.conflict;
  const handle = createPipeline({
    options,
    tokens,
    announcer,
    log,
    isClosed: () => closed !== undefined,
    keep: createKeeper({ options, worker, settlements, afterwards, log, onConflict }),
    count: counters.reply,
  });

  async function close(gracePeriodMs: number): Promise<void> {
    const deadline = clock.now() + gracePeriodMs;
    const left = () => Math.max(0, deadline - clock.now());
    await withDeadline(deliveries.idle(), options.limits.replyTimeoutMs, clock);
    await Promise.all([worker.stop(left()), processed.stop(left()), afterwards.stop(left())]);
    await announcer.stop(left()); // dead letters may have come until now
    if (releaseInbox(inbox)) await inbox.close();
  }

  const receiver: Receiver = {
    ...createRegistration(handlers, worker.handlersChanged, input),
    inbox,
    handle(request, runtime = {}) {
      const answered = () => handle(request, runtime);
      return closed === undefined ? deliveries.run(answered) : answered(); // not waited for
    },
    createCallback: (asked = {}) => createCallback(asked, { url, endpoint, tokens, clock }),
    async createCallbackUrl(asked = {}) {
      return (await createCallback(asked, { url, endpoint, tokens, clock })).url;
    },
    async process(event, given = {}) {
      if (closed !== undefined)
        throw new WebhookError('closing', 'process: the receiver is closed');
      const parts = { options, worker, announcer };
      return processed.run((signal) => processEvent(event, given, signal, parts));
    },
    start: worker.start,
    close: ({ gracePeriodMs = 10_000 } = {}) => (closed ??= close(gracePeriodMs)),
    async stats() {
      const own = { outcomes: worker.outcomes(), dropped: announcer.dropped() };
      return { inbox: await inbox.stats(), ...counters.read(), ...own };
    },
  };
  if (secrets?.length === 0) workers.add(receiver);
  return receiver;
}

/** Receivers without a secret. */
const workers = new WeakSet<object>();

function createCounters() {
  const replies: Partial<Record<ReplyCode, number>> = {};
  let conflicts = 0;
  return {
    reply: (code: ReplyCode) => void (replies[code] = (replies[code] ?? 0) + 1),
    conflict: () => void (conflicts += 1),
    read: () => ({ replies: { ...replies }, conflicts }),
  };
}

/**
 * What adapters are given: a receiver that takes deliveries, or the options to make one.
 *
 * @throws WebhookError `invalid_option`
 */
export function toReceiver<Tx = unknown>(target: Receiver<Tx> | ReceiverOptions<Tx>): Receiver<Tx> {
  if (typeof (target as unknown) !== 'object') {
    throw new WebhookError('invalid_option', 'pass a receiver, or the options of createReceiver');
  }
  const receiver = 'handle' in target ? target : createReceiver(target);
  if (workers.has(receiver)) throw new WebhookError('invalid_option', NO_SECRET);
  return receiver;
}
