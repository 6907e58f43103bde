import { toReceiver, type Receiver, type ReceiverOptions } from '@novita-webhooks/core';
import { handleNodeRequest } from '@novita-webhooks/core/node';
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';

/** A receiver or the options to make one, and where its route is. */
export type NovitaWebhooksOptions = {
  /** Of the route, below the plugin's `prefix`. Default `/`. */
  readonly path?: string | undefined;
} & ({ readonly receiver: Receiver } | ({ readonly receiver?: undefined } & ReceiverOptions));

/** Handles one request in a route of your own. */
export type FastifyHandler = (request: FastifyRequest, reply: FastifyReply) => Promise<void>;

/**
 * Receives Novita's webhooks in a Fastify app, as a plugin with a route of its own. Starts the
 * receiver when the app is ready, stops taking events when it begins to close, and lets the
 * handlers come to an end before it has closed. Logs to the app's logger unless told otherwise.
 *
 * @throws WebhookError `invalid_option`
 * @example
 * app.register(novitaWebhooks, { path: '/webhooks/novita', secret, onTaskSucceeded });
 */
export const novitaWebhooks: FastifyPluginAsync<NovitaWebhooksOptions> = async (app, options) => {
  const { path = '/', ...rest } = options;
  const receiver = toReceiver(rest.receiver ?? { logger: app.log, ...ownOptions(rest) });
  const handler = toFastifyHandler(receiver);
  // As a hook, since the token is to be checked before Fastify reads the body; and as the last one
  // before it, since limits of requests and their like come as onRequest hooks.
  app.all(path, { preParsing: handler }, () => undefined);
  app.addHook('onReady', async () => receiver.start());
  app.addHook('preClose', async () => void receiver.close());
  app.addHook('onClose', async () => receiver.close());
};

/**
 * For a route of your own: as its handler, after Fastify has read the body, or as its `preParsing`
 * hook, before. Starting and closing the receiver is then up to you.
 *
 * @example
 * app.post('/webhooks/novita', toFastifyHandler(receiver));
 */
export function toFastifyHandler(target: Receiver): FastifyHandler {
  const receiver = toReceiver(target);
  return async (request, reply) => {
    reply.hijack(); // the answer may have to go out while the body still comes in
    for (const [name, value] of Object.entries(reply.getHeaders())) {
      if (value !== undefined) reply.raw.setHeader(name, value);
    }
    await handleNodeRequest(receiver, request.raw, reply.raw, { parsed: request });
  };
}

/** What Fastify itself reads from the options of a plugin. */
const ITS_OWN = new Set(['prefix', 'logLevel', 'logSerializers']);

function ownOptions(options: ReceiverOptions): ReceiverOptions {
  return Object.fromEntries(Object.entries(options).filter(([name]) => !ITS_OWN.has(name)));
}
