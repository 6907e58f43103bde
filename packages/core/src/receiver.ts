import {
  createCallbackMethods,
  mintCallback,
  type CallbackConfig,
  type CallbackOptions,
  type MetadataInput,
  type OptionalArgument,
} from './callback/callback.ts';
import { NO_SECRET } from './callback/signer.ts';
import {
  processEntry,
  processUnverified,
  type ProcessOptions,
  type ProcessUnverifiedOptions,
} from './delivery/process-entry.ts';
import type { RefusedDelivery } from './delivery/refused-deliveries.ts';
import { rejectFrameworkCall } from './delivery/reject-framework-call.ts';
import type { RuntimeContext, WebhookReply, WebhookRequest } from './delivery/request.ts';
import { createExpectations, type Expectations } from './expectations/create-expectations.ts';
import { createRegistration, type Registration } from './handlers/registration.ts';
import { addInboxUser } from './inbox/inbox-users.ts';
import type { Inbox } from './inbox/ports.ts';
import { checkReceiver, type CheckOptions } from './self-check/check-receiver.ts';
import type { Finding } from './self-check/finding.ts';
import { closeParts, createParts } from './receiver-parts.ts';
import { readStats, type ReceiverStats } from './receiver-stats.ts';
import { resolveOptions, type ReceiverOptions } from './options.ts';
import { withGracePeriod } from './shared/grace-period.ts';
import { WebhookError } from './shared/errors.ts';
import type { JsonObject } from './shared/json.ts';
import { createLogs } from './shared/create-logs.ts';
import { createStartReport } from './self-check/start-report.ts';
import { waitUntilIdle, type IdleOptions } from './inbox/wait-until-idle.ts';

/**
 * One webhook endpoint: accepts deliveries, stores events, runs handlers. `Metadata`: what handlers
 * get; `Tx`: what they get in a transaction; `Input`: the metadata that `createCallback` takes.
 */
export interface Receiver<
  Metadata extends object = JsonObject,
  Tx = unknown,
  Input extends object = MetadataInput<Metadata>,
>
  extends Registration<Metadata, Tx>, Expectations<Input> {
  readonly inbox: Inbox<Tx>;
  /**
   * Takes one delivery and returns the reply. Never rejects.
   *
   * @throws WebhookError `invalid_argument` at once if a framework calls it: mount an adapter instead
   */
  handle(request: WebhookRequest, runtime?: RuntimeContext): Promise<WebhookReply>;
  /**
   * Mints the callback URL of one task, as the value of `extra.webhook` in the submit call.
   *
   * @throws WebhookError `invalid_option` without `url`, `invalid_argument`
   * @throws what the schema of the metadata throws
   * @example
   * body.extra.webhook = await receiver.createCallback({ metadata: { orderId: 42 } });
   */
  createCallback(...options: OptionalArgument<CallbackOptions<Input>>): Promise<CallbackConfig>;
  /** Like `createCallback`, but returns only the URL, for APIs with a `callback_url`. */
  createCallbackUrl(
    ...options: OptionalArgument<Omit<CallbackOptions<Input>, 'testMode'>>
  ): Promise<string>;
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
  processUnverified(
    event: unknown,
    ...options: OptionalArgument<ProcessUnverifiedOptions<Input>>
  ): Promise<void>;

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
   * @throws WebhookError `invalid_argument`
   */
  close(options?: { readonly gracePeriodMs?: number | undefined }): Promise<void>;
  stats(): Promise<ReceiverStats>;
  /**
   * The last 100 deliveries that were not answered 2xx, the latest first: why does nothing arrive?
   *
   * @example
   * console.table(receiver.refusedDeliveries()); // at, status, code, address
   */
  refusedDeliveries(): readonly RefusedDelivery[];
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
   * Looks for what is wrong: options, handlers, the inbox, whether the Task Result API takes the key of
   * `taskResults`, and whether a request to `url` reaches this endpoint. For the last it posts an event to
   * `url` that is ignored. Changes nothing.
   *
   * @returns what was found; an empty list if all is well
   * @example
   * for (const { level, message } of await receiver.check()) console.log(level, message);
   */
  check(options?: CheckOptions): Promise<readonly Finding[]>;
}

/**
 * Creates a receiver.
 *
 * @throws WebhookError `invalid_option`
 * @example
 * const receiver = createReceiver({ url: 'https://example.com/webhooks/novita', secret });
 * receiver.onTaskSucceeded(async ({ task, images }) => { … });
 * @example
 * const metadata = z.object({ orderId: z.number() }); // or createReceiver<{ orderId: number }>(…)
 * const receiver = createReceiver({ url, secret, metadata });
 */
export function createReceiver<
  Metadata extends object = JsonObject,
  Tx = unknown,
  Input extends object = MetadataInput<Metadata>,
>(input: ReceiverOptions<Metadata, Tx, Input>): Receiver<Metadata, Tx, Input>;
// The inbox's transactions are passed through, so the implementation needs no type for them.
export function createReceiver(input: ReceiverOptions): Receiver {
  const options = resolveOptions(input);
  const { inbox, secrets } = options;
  const logs = createLogs(options);
  const isClosed = () => closing !== undefined;
  const parts = createParts(options, logs, isClosed);
  const { worker, deliveries, processing } = parts;
  const mintUrl = async () =>
    (await mintCallback({}, { ...parts, metadataSchema: undefined })).webhook.url;
  const { handlers } = parts;
  const report = createStartReport(options, { handlers, log: logs.log, isClosed, mintUrl });
  let closing: Promise<void> | undefined;
  addInboxUser(inbox, logs.log);

  function handlersChanged(): void {
    report.handlersChanged();
    worker.handlersChanged();
  }

  function whileOpen<T>(method: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    report.used();
    if (closing === undefined) return processing.run((abort) => work(abort.signal()));
    return Promise.reject(new WebhookError('closing', `${method}: the receiver is closed`));
  }

  const receiver: Receiver = {
    ...createRegistration(parts.handlers, handlersChanged, input),
    get inbox() {
      report.used();
      return inbox;
    },
    handle(request, runtime = {}) {
      rejectFrameworkCall(request, runtime);
      report.used();
      const accepted = parts.pipeline(request, runtime);
      const reply = closing === undefined ? deliveries.track(accepted) : accepted; // close() does not wait for these
      return report.isPathKnown() ? reply : reply.then((it) => report.afterDelivery(request, it));
    },
    ...createCallbackMethods(parts, report.minted),
    ...createExpectations({ ...parts, ...options, isClosed }, whileOpen),
    processEntry: (entry, how = {}) =>
      whileOpen('processEntry', (signal) => processEntry(entry, how, signal, parts)),
    processUnverified: (event, how = {}) =>
      whileOpen('processUnverified', (signal) => processUnverified(event, how, signal, parts)),
    start() {
      report.start();
      worker.start();
    },
    refusedDeliveries: () => parts.refusedDeliveries.list(),
    idle: (how = {}) => waitUntilIdle({ ...parts, isConsuming: worker.isConsuming }, how),
    check: (how = {}) => checkReceiver(how, { ...options, mintUrl, checked: report.checked }),
    close: (how = {}) =>
      withGracePeriod(how, (gracePeriodMs) => {
        report.closed();
        return (closing ??= closeParts(options, parts, gracePeriodMs).finally(logs.flush));
      }),
    stats: () => readStats(parts),
  };
  const refusal = secrets?.length === 0 ? NO_SECRET : null;
  adapterSides.set(receiver, { refusal, reportStart: report.mount });
  return receiver;
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
