import type { Receiver } from '../receiver.ts';
import { toReceiver } from './to-receiver.ts';
import type { ReceiverOptions } from '../options.ts';
import type { RequestBody, RuntimeContext, WebhookRequest } from '../delivery/request.ts';
import { WebhookError } from '../shared/errors.ts';
import type { JsonObject } from '../shared/json.ts';
import { readOr } from '../shared/read-or.ts';

/**
 * Takes a fetch request and what the runtime passes with it; returns a fetch response. `waitUntil` is
 * taken from the last argument that has it: Workers pass `env` before their context, and other
 * runtimes pass a server or route parameters.
 */
export type FetchHandler = (request: Request, ...runtime: readonly unknown[]) => Promise<Response>;

/**
 * Receives Novita's webhooks in runtimes with fetch requests and responses: Hono, Next.js, Bun, Deno,
 * Cloudflare Workers. Takes a receiver, the options of `createReceiver`, or a function that returns the
 * receiver. The function is called by the first request: where modules are also loaded during a build
 * (Next.js, Nuxt, SvelteKit), nothing is created and no secret is needed before.
 *
 * Such a runtime may stop after the reply. Therefore the reply waits for the handlers
 * (`ack: 'handled'`) and is 2xx only if they succeeded, unless `ack` was set or the inbox keeps events
 * outside the process. With `waitUntil`, handlers may end after the reply. A server that keeps running,
 * as with Bun or Deno, can set `ack: 'accepted'` and call `receiver.start()`.
 *
 * @throws WebhookError `invalid_option`. With a function, the first request rejects with it.
 * @example
 * const handler = toFetchHandler({ secret, onTaskSucceeded });
 * app.post('/webhooks/novita', (c) => handler(c.req.raw)); // Hono
 * export const POST = toFetchHandler(() => createReceiver({ secret, onTaskSucceeded })); // Next.js
 * export default { fetch: handler }; // Workers, Bun; in Deno: Deno.serve(handler)
 */
export function toFetchHandler(receiver: Receiver<object> | (() => Receiver<object>)): FetchHandler;
// Two signatures, because TypeScript does not infer the parameters of inline handlers from a union.
export function toFetchHandler<Metadata extends object = JsonObject, Tx = unknown>(
  options: ReceiverOptions<Metadata, Tx>,
): FetchHandler;
export function toFetchHandler(
  target: Receiver<object> | ReceiverOptions | (() => Receiver<object>),
  beside?: unknown,
): FetchHandler {
  const mount = { usage: 'export const POST = toFetchHandler(receiver)', beside };
  let receiver = typeof target === 'function' ? undefined : toReceiver(target, mount);
  const getReceiver = () =>
    (receiver ??= toReceiver(typeof target === 'function' ? target() : target, mount));
  return async (request, ...runtime) => {
    const waitUntil = waitUntilOf(runtime);
    const reply = await getReceiver().handle(toWebhookRequest(request), {
      ephemeral: true,
      waitUntil,
    });
    return new Response(reply.body, { status: reply.status, headers: reply.headers });
  };
}

/** The function is bound, because runtimes check the receiver of their methods. */
function waitUntilOf(runtime: readonly unknown[]): RuntimeContext['waitUntil'] {
  for (const argument of runtime.toReversed()) {
    const waitUntil = readOr(() => {
      const context = argument as Pick<RuntimeContext, 'waitUntil'> | null | undefined;
      return typeof context?.waitUntil === 'function' ? context.waitUntil.bind(context) : undefined;
    }, undefined);
    if (waitUntil !== undefined) return waitUntil;
  }
  return undefined;
}

/** With getters, because only the pipeline handles the errors of a request that cannot be read. */
function toWebhookRequest(request: Request): WebhookRequest {
  return {
    get method() {
      return request.method;
    },
    get url() {
      return request.url;
    },
    get headers() {
      return Object.fromEntries(request.headers);
    },
    get body() {
      return fetchBody(request);
    },
  };
}

function fetchBody({ body, bodyUsed }: Request): RequestBody {
  if (bodyUsed || body?.locked === true) return alreadyRead();
  return body === null ? '' : chunksOf(body);
}

/** Consumed, or held by another reader. The advice is for code that has a fetch request. */
function alreadyRead(): AsyncIterable<never> {
  return {
    [Symbol.asyncIterator]() {
      throw new WebhookError(
        'body_already_read',
        'code before this handler read the body of the request. Read the body of request.clone() ' +
          'there (Hono: c.req.raw.clone()), or call this handler first.',
      );
    },
  };
}

/** Uses a reader: not every runtime's streams can be iterated, and a slow one must be released. */
function chunksOf(stream: ReadableStream<Uint8Array>): AsyncIterable<Uint8Array> {
  return {
    [Symbol.asyncIterator]() {
      const reader = stream.getReader();
      return {
        async next() {
          const { done, value } = await reader.read();
          return value === undefined || done ? { done: true, value: undefined } : { done, value };
        },
        async return() {
          // Not cancel(): with `Readable.toWeb` on Node 20 to 24 it ends the process.
          reader.releaseLock();
          return { done: true, value: undefined };
        },
      };
    },
  };
}
