import { toReceiver, type Receiver, type ReceiverOptions } from '@novita-webhooks/core';
import { handleNodeRequest } from '@novita-webhooks/core/node';
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';

/** Options of the plugin: a receiver or the options of `createReceiver`, and the route's path. */
export type NovitaWebhooksOptions = {
  /** Path of the route below the plugin's `prefix`. Default: `/`. */
  readonly path?: string | undefined;
} & ({ readonly receiver: Receiver } | ({ readonly receiver?: undefined } & ReceiverOptions));

/** Handles one request of a route. Usable as a handler and as a hook. */
export type FastifyHandler = (request: FastifyRequest, reply: FastifyReply) => Promise<void>;

/**
 * Fastify plugin that adds a route for Novita's webhooks. Starts the receiver when the app is ready,
 * answers 503 once the app begins to close, and waits for running handlers before the app has
 * closed. A receiver that the plugin creates logs to `app.log` unless `logger` is set.
 *
 * @throws WebhookError `invalid_option`, when the app gets ready
 * @example
 * app.register(novitaWebhooks, { path: '/webhooks/novita', secret, onTaskSucceeded });
 */
export const novitaWebhooks: FastifyPluginAsync<NovitaWebhooksOptions> = async (app, options) => {
  const { path = '/', ...rest } = options;
  const receiver = toReceiver(rest.receiver ?? { logger: app.log, ...receiverOptions(rest) });
  const handler = toFastifyHandler(receiver);
  // preParsing is the last hook before Fastify reads the body: the token is checked before the body
  // is read, and after onRequest hooks such as rate limits.
  app.all(path, { preParsing: handler }, () => undefined);
  app.addHook('onReady', async () => receiver.start());
  app.addHook('preClose', async () => void receiver.close());
  app.addHook('onClose', async () => receiver.close());
};

/**
 * Creates a function for an existing route: its handler, which runs after Fastify has read the
 * body, or its `onRequest` or `preParsing` hook, which runs before. The caller must start and close
 * the receiver.
 *
 * @throws WebhookError `invalid_option`
 * @example
 * app.post('/webhooks/novita', toFastifyHandler(receiver));
 */
export function toFastifyHandler(target: Receiver): FastifyHandler {
  const receiver = toReceiver(target);
  return async (request, reply) => {
    reply.hijack(); // a reply may be sent before the body has arrived completely
    for (const [name, value] of Object.entries(reply.getHeaders())) {
      if (value !== undefined) reply.raw.setHeader(name, value);
    }
    await handleNodeRequest(receiver, request.raw, reply.raw, { parsed: request });
  };
}

/** Plugin options that Fastify reads itself; the receiver would reject them as unknown. */
const FASTIFY_OPTIONS = new Set(['prefix', 'logLevel', 'logSerializers']);

function receiverOptions(options: ReceiverOptions): ReceiverOptions {
  return Object.fromEntries(Object.entries(options).filter(([name]) => !FASTIFY_OPTIONS.has(name)));
}
