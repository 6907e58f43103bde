import { toReceiver, type Receiver } from '../receiver.ts';
import type { ReceiverOptions } from '../options.ts';
import type { RequestBody, RuntimeContext, WebhookRequest } from '../delivery/request.ts';
import { readOr } from '../shared/read-or.ts';

/** Takes a fetch request and the context of the runtime; returns a fetch response. */
export type FetchHandler = (
  request: Request,
  context?: Pick<RuntimeContext, 'waitUntil'>,
) => Promise<Response>;

/**
 * Receives Novita's webhooks in runtimes with fetch requests and responses: Hono, Next.js, Bun, Deno,
 * Cloudflare Workers. Takes a receiver, or the options of `createReceiver`.
 *
 * Such a runtime may stop after the reply. Therefore the reply waits for the handlers
 * (`ack: 'handled'`) and is 2xx only if they succeeded, unless `ack` was set or the inbox keeps events
 * outside the process. With `waitUntil`, handlers may end after the reply. A server that keeps running,
 * as with Bun or Deno, can set `ack: 'accepted'` and call `receiver.start()`.
 *
 * @throws WebhookError `invalid_option`
 * @example
 * const handler = toFetchHandler({ secret, onTaskSucceeded });
 * app.post('/webhooks/novita', (c) => handler(c.req.raw)); // Hono
 * export default { fetch: (request, env, ctx) => handler(request, ctx) }; // Workers
 */
export function toFetchHandler(receiver: Receiver): FetchHandler;
// Two signatures, because TypeScript does not infer the parameters of inline handlers from a union.
export function toFetchHandler<Tx = unknown>(options: ReceiverOptions<Tx>): FetchHandler;
export function toFetchHandler(target: Receiver | ReceiverOptions): FetchHandler {
  const receiver = toReceiver(target);
  return async (request, context) => {
    const waitUntil = readOr(() => context?.waitUntil?.bind(context), undefined);
    const reply = await receiver.handle(toWebhookRequest(request), { ephemeral: true, waitUntil });
    return new Response(reply.body, { status: reply.status, headers: reply.headers });
  };
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
  if (bodyUsed || body?.locked === true) return undefined; // consumed, or another reader holds it
  return body === null ? '' : chunksOf(body);
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
