import { toReceiver, type Receiver } from '../receiver.ts';
import type { ReceiverOptions } from '../options.ts';
import type { RequestBody, RuntimeContext } from '../delivery/request.ts';

/** Takes a fetch request, and what the runtime hands over with it; gives a fetch response. */
export type FetchHandler = (
  request: Request,
  context?: Pick<RuntimeContext, 'waitUntil'>,
) => Promise<Response>;

/**
 * Receives Novita's webhooks wherever requests and responses are those of fetch: Hono, Next.js,
 * Bun, Deno, Cloudflare Workers. Takes a receiver, or the options to make one.
 *
 * Such runtimes may stop at any time after the answer. So unless `ack` was set or the inbox keeps
 * events elsewhere, the answer waits for the handlers (`ack: 'handled'`), and is 2xx only if they
 * succeeded; a `waitUntil` lets those that take longer come to an end. A server that runs on, as
 * with Bun or Deno, can set `ack: 'accepted'` and call `receiver.start()`.
 *
 * @throws WebhookError `invalid_option`
 * @example
 * const handler = toFetchHandler({ secret, onTaskSucceeded });
 * app.post('/webhooks/novita', (c) => handler(c.req.raw)); // Hono
 * export default { fetch: (request, env, ctx) => handler(request, ctx) }; // Workers
 */
export function toFetchHandler(receiver: Receiver): FetchHandler;
// Two signatures, since the parameters of inline handlers are not inferred from a union.
export function toFetchHandler<Tx = unknown>(options: ReceiverOptions<Tx>): FetchHandler;
export function toFetchHandler(target: Receiver | ReceiverOptions): FetchHandler {
  const receiver = toReceiver(target);
  return async (request, context) => {
    const { waitUntil } = context ?? {};
    const reply = await receiver.handle(
      {
        method: request.method,
        url: request.url,
        headers: Object.fromEntries(request.headers),
        body: fetchBody(request),
      },
      // Bound, since runtimes check what their functions are called on.
      { ephemeral: true, waitUntil: waitUntil?.bind(context) },
    );
    return new Response(reply.body, { status: reply.status, headers: reply.headers });
  };
}

function fetchBody({ body, bodyUsed }: Request): RequestBody {
  if (bodyUsed || body?.locked === true) return undefined; // read, or being read
  return body === null ? '' : chunksOf(body);
}

/** By hand: not every runtime's streams can be iterated, and a slow one has to be let go of. */
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
          // Not cancel(): with `Readable.toWeb` on Node 20 to 24 that ends the process.
          reader.releaseLock();
          return { done: true, value: undefined };
        },
      };
    },
  };
}
