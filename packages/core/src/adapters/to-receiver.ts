import type { MetadataInput } from '../callback/callback.ts';
import type { ReceiverOptions } from '../options.ts';
import { adapterSideOf, createReceiver, type Receiver } from '../receiver.ts';
import { isPlainObject } from '../shared/copy-json.ts';
import { WebhookError } from '../shared/errors.ts';
import type { JsonObject } from '../shared/json.ts';
import { readOr } from '../shared/read-or.ts';

/** What an adapter tells of itself. */
export interface AdapterMount {
  /** How to mount the adapter, for the error of a wrong call. */
  readonly usage?: string | undefined;
  /** Where it is mounted, if known. A path that differs from that of `url` is a warning. */
  readonly path?: string | undefined;
  /** What the adapter got beside the receiver. Options there would have no effect: they are an error. */
  readonly beside?: unknown;
}

/**
 * For adapters: returns the receiver, or creates it from options.
 *
 * @throws WebhookError `invalid_option`
 * @example
 * const receiver = toReceiver(target, { usage: 'app.post(path, novitaWebhooks(receiver))' });
 */
export function toReceiver<
  Metadata extends object = JsonObject,
  Tx = unknown,
  Input extends object = MetadataInput<Metadata>,
>(
  target: Receiver<Metadata, Tx, Input> | ReceiverOptions<Metadata, Tx, Input>,
  mount?: AdapterMount,
): Receiver<Metadata, Tx, Input>;
// For implementations of overloaded functions: the one above cannot infer types from their union.
export function toReceiver(
  target: Receiver<object> | ReceiverOptions,
  mount?: AdapterMount,
): Receiver<object>;
export function toReceiver(
  target: Receiver<object> | ReceiverOptions,
  { usage = 'adapter(receiver)', path, beside }: AdapterMount = {},
): Receiver<object> {
  rejectOtherTargets(target, usage);
  rejectPath(target, usage);
  rejectBeside(beside, usage);
  const given: unknown = path; // in JavaScript
  if (given !== undefined && !(typeof given === 'string' && given.startsWith('/'))) {
    throw new WebhookError('invalid_option', `adapter: path '${path}' must begin with a slash.`);
  }
  const receiver = 'handle' in target ? target : createReceiver(target);
  const side = adapterSideOf(receiver);
  if (typeof side?.refusal === 'string') throw new WebhookError('invalid_option', side.refusal);
  side?.reportStart(path);
  return receiver;
}

/** The options of a receiver have no path: the framework, or the adapter's own options, have it. */
function rejectPath(target: object, usage: string): void {
  if ('handle' in target || !('path' in target)) return;
  const message = `adapter: path is no option of a receiver, which has url. Mount it as ${usage}.`;
  throw new WebhookError('invalid_option', message);
}

function rejectBeside(beside: unknown, usage: string): void {
  const names = readOr(() => (isPlainObject(beside) ? Object.keys(beside) : []), []);
  if (names.length === 0) return;
  const message = `adapter: ${names.join(', ')} beside a receiver or its options would have no effect. Pass all options to createReceiver, and mount its receiver as ${usage}.`;
  throw new WebhookError('invalid_option', message);
}

/** In JavaScript, an adapter that is mounted without a call gets the request itself. */
function rejectOtherTargets(target: unknown, usage: string): void {
  const isObject = typeof target === 'object' && target !== null;
  if (isObject && !REQUEST_MEMBERS.some((member) => member in target)) return;
  const what = isObject ? 'a request' : target === null ? 'null' : typeof target;
  const message = `adapter: got ${what} instead of a receiver or its options. Mount it as ${usage}.`;
  throw new WebhookError('invalid_option', message);
}

/** Of the requests and contexts of Node, fetch, Express, Koa, Fastify, Hono and Lambda. */
const REQUEST_MEMBERS = ['headers', 'req', 'requestContext'];
