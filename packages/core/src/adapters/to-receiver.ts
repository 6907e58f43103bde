import type { ReceiverOptions } from '../options.ts';
import { adapterSideOf, createReceiver, type Receiver } from '../receiver.ts';
import { WebhookError } from '../shared/errors.ts';

/** What an adapter tells of itself. */
export interface AdapterMount {
  /** How to mount the adapter, for the error of a wrong call. */
  readonly usage?: string | undefined;
  /** Where it is mounted, if known. A path that differs from that of `url` is a warning. */
  readonly path?: string | undefined;
}

/**
 * For adapters: returns the receiver, or creates it from options.
 *
 * @throws WebhookError `invalid_option`
 * @example
 * const receiver = toReceiver(target, { usage: 'app.post(path, novitaWebhooks(receiver))' });
 */
export function toReceiver<Tx = unknown>(
  target: Receiver<Tx> | ReceiverOptions<Tx>,
  { usage = 'adapter(receiver)', path }: AdapterMount = {},
): Receiver<Tx> {
  rejectOtherTargets(target, usage);
  if (path?.startsWith('/') === false) {
    throw new WebhookError('invalid_option', `adapter: path '${path}' must begin with a slash.`);
  }
  const receiver = 'handle' in target ? target : createReceiver(target);
  const side = adapterSideOf(receiver);
  if (typeof side?.refusal === 'string') throw new WebhookError('invalid_option', side.refusal);
  side?.reportStart(path);
  return receiver;
}

/** In JavaScript, an adapter that is mounted without a call gets the request itself. */
function rejectOtherTargets(target: unknown, usage: string): void {
  const isObject = typeof target === 'object' && target !== null;
  if (isObject && !REQUEST_MEMBERS.some((member) => member in target)) return;
  const what = isObject ? 'a request' : target === null ? 'null' : typeof target;
  const message = `adapter: got ${what} instead of a receiver. Mount it as ${usage}.`;
  throw new WebhookError('invalid_option', message);
}

/** Of the requests and contexts of Node, fetch, Express, Koa, Fastify, Hono and Lambda. */
const REQUEST_MEMBERS = ['headers', 'req', 'requestContext'];
