import {
  createReceiver,
  HandlersFailedError,
  memoryInbox,
  requireOptions,
  systemClock,
  WebhookError,
  type Clock,
  type Entry,
  type Inbox,
  type JsonObject,
  type MetadataInput,
  type OptionalArgument,
  type MetadataOption,
  type Outcome,
  type Receiver,
  type ReceiverOptions,
} from '@novita-webhooks/core';

import { delivery, signedDelivery, TEST_SECRET } from '../samples/signed-delivery.ts';

/** Options of `createReceiver` without those that a test receiver sets itself. */
export type TestReceiverOptions<
  Metadata extends object = JsonObject,
  Input extends object = object,
> = Omit<ReceiverOptions<Metadata, unknown, Input>, 'inbox' | 'insecure' | 'consume' | 'ack'>;

/** Its timers do not keep the process of the test running. */
const backgroundClock: Clock = {
  ...systemClock,
  after: (delayMs, callback) => systemClock.after(delayMs, callback, { background: true }),
};

/** What `deliver` knows of a test receiver. */
interface Records {
  readonly endpoint: string;
  /** The last outcome of each task. */
  readonly outcomes: Map<string, Outcome>;
  /** The callback URLs of tasks that were submitted with `receiver.submit()`. */
  readonly submitted: Map<string, string>;
}

const recordsOf = new WeakMap<object, Records>();

/**
 * Creates a receiver for tests of handlers, and starts it. It has a memory inbox, the address
 * `https://example.com/webhooks/novita`, the secret {@link TEST_SECRET} and no logger. It
 * need not be closed: its timers do not keep the process running.
 *
 * @param options handlers and options of `createReceiver`, for example `metadata` or a manual `clock`
 * @throws WebhookError `invalid_option`
 * @example
 * const receiver = createTestReceiver({ onTaskSucceeded });
 * await deliver(receiver, sampleEvents.imageSucceeded());
 */
export function createTestReceiver<
  Metadata extends object = JsonObject,
  Input extends object = MetadataInput<Metadata>,
>(options: TestReceiverOptions<Metadata, Input> = {}): Receiver<Metadata, unknown, Input> {
  requireOptions('createTestReceiver', options, 'createTestReceiver({ onTaskSucceeded })');
  const { clock = backgroundClock, endpoint = 'novita' } = options;
  const outcomes = new Map<string, Outcome>();
  const receiver = createReceiver<Metadata, unknown, Input>({
    url: 'https://example.com/webhooks/novita',
    secret: TEST_SECRET,
    logger: false,
    ...options,
    clock,
    inbox: recordOutcomes(memoryInbox({ clock }), outcomes),
  });
  const submitted = new Map<string, string>();
  Object.assign(receiver, { submit: recordUrls(receiver, submitted) });
  recordsOf.set(receiver, { endpoint, outcomes, submitted });
  receiver.start();
  return receiver;
}

/** Only the callback URL of a submitted task brings its events. */
function recordUrls(
  { submit }: Pick<Receiver<object>, 'submit'>,
  submitted: Map<string, string>,
): Receiver<object>['submit'] {
  return async (call, ...options) => {
    if (typeof call !== 'function') return submit(call, ...options); // which says what it wants
    let url: string | undefined;
    const submission = await submit(
      (webhook) => {
        url = webhook?.url;
        return call(webhook);
      },
      ...options,
    );
    if (url !== undefined) submitted.set(submission.taskId, url);
    return submission;
  };
}

function recordOutcomes(inbox: Inbox, outcomes: Map<string, Outcome>): Inbox {
  return {
    ...inbox,
    consume: (run, options) =>
      inbox.consume(async (entry, signal, runInTransaction) => {
        const outcome = await run(entry, signal, runInTransaction);
        outcomes.set(entry.taskId, outcome);
        return outcome;
      }, options),
  };
}

/**
 * Delivers an event as Novita would, to a callback URL of the receiver, and waits until the handlers
 * have run. For a task of `receiver.submit()`, it takes the callback URL of that call, with its metadata.
 *
 * @param receiver a receiver of `createTestReceiver`
 * @param event one of `sampleEvents`, or the body of a real delivery
 * @param options `metadata`, as for `receiver.createCallback()`
 * @returns the entry in the inbox, `undefined` for an event that is no result
 * @throws HandlersFailedError if a handler failed; `cause` is what it threw
 * @throws WebhookError `invalid_argument` for an event that is no object, and if the receiver refused
 * the delivery, with its reply
 * @example
 * await deliver(receiver, sampleEvents.failed(), { metadata: { orderId: 42 } });
 */
export async function deliver<Metadata extends object, Input extends object>(
  receiver: Receiver<Metadata, unknown, Input>,
  event: unknown,
  ...[options]: OptionalArgument<MetadataOption<Input>>
): Promise<Entry | undefined> {
  const records = recordsOf.get(receiver);
  if (records === undefined) {
    throw invalid('the receiver is not a test receiver. Create it with createTestReceiver().');
  }
  const { outcomes, endpoint, submitted } = records;
  requireOptions('deliver', options ?? {}, 'deliver(receiver, event, { metadata })', ['metadata']);
  const taskId = taskIdOf(event);
  outcomes.delete(taskId);
  const url = submitted.get(taskId);
  const { status, body } = await receiver.handle(
    url === undefined
      ? await signedDelivery(receiver, event, options?.metadata)
      : delivery(url, event),
  );
  if (status !== 200) throw invalid(`the receiver replied ${status}: ${body}`);
  await receiver.idle();
  const outcome = outcomes.get(taskId);
  if (outcome !== undefined && outcome.type !== 'done') throw new HandlersFailedError(outcome);
  return receiver.inbox.get({ endpoint, taskId });
}

function taskIdOf(event: unknown): string {
  if (typeof event !== 'object' || event === null) {
    throw invalid('the event must be an object, such as sampleEvents.imageSucceeded().');
  }
  const { payload } = event as { payload?: { task?: { task_id?: unknown } } };
  return String(payload?.task?.task_id);
}

function invalid(message: string): WebhookError {
  return new WebhookError('invalid_argument', `deliver: ${message}`);
}
