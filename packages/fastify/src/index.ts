import {
  toReceiver,
  WebhookError,
  type JsonObject,
  type MetadataInput,
  type Receiver,
  type ReceiverOptions,
} from '@novita-webhooks/core';
import { handleNodeRequest } from '@novita-webhooks/core/node';
import type {
  FastifyInstance,
  FastifyPluginAsync,
  FastifyReply,
  FastifyRequest,
  FastifySchema,
  RequestPayload,
} from 'fastify';

/**
 * Options of the plugin: a receiver or the options of `createReceiver`, and the route's path. The type
 * arguments are those of `createReceiver`.
 */
export type NovitaWebhooksOptions<
  Metadata extends object = JsonObject,
  Tx = unknown,
  Input extends object = MetadataInput<Metadata>,
> = {
  /** Path of the route below the plugin's `prefix`. Required without a prefix; `/` with one. */
  readonly path?: string | undefined;
} & (
  | { readonly receiver: Receiver<object> }
  | ({ readonly receiver?: undefined } & ReceiverOptions<Metadata, Tx, Input>)
);

/**
 * The type of the plugin. `app.register` infers no types from a schema in its options. Pass a receiver
 * of `createReceiver`, which does, or name the type: `app.register<NovitaWebhooksOptions<Order>>(…)`.
 */
export type NovitaWebhooksPlugin = (<
  Metadata extends object = JsonObject,
  Tx = unknown,
  Input extends object = MetadataInput<Metadata>,
>(
  app: FastifyInstance,
  options: NovitaWebhooksOptions<Metadata, Tx, Input>,
) => Promise<void>) &
  FastifyPluginAsync<NovitaWebhooksOptions>;

/** Handles one request of a route. Usable as a handler and as a hook, with the payload of `preParsing`. */
export type FastifyHandler = (
  request: FastifyRequest,
  reply: FastifyReply,
  payload?: unknown,
) => Promise<void>;

/**
 * Fastify plugin that adds a route for Novita's webhooks. Starts the receiver when the app is ready,
 * answers 503 once the app begins to close, and waits for running handlers before the app has
 * closed. A receiver that the plugin creates logs to `app.log` unless `logger` is set, or to the console if the
 * app has no logger.
 *
 * @throws WebhookError `invalid_option`, when the app gets ready
 * @example
 * app.register(novitaWebhooks, { path: '/webhooks/novita', secret, onTaskSucceeded });
 */
export const novitaWebhooks: NovitaWebhooksPlugin = (async (
  app: FastifyInstance,
  options: NovitaWebhooksOptions,
) => {
  requireApp(app);
  const { path = defaultPath(app), receiver: ready, ...rest } = options;
  const own = receiverOptions(rest);
  const receiver = toReceiver(ready ?? { ...loggerOf(app), ...own }, {
    usage: USAGE,
    path: app.prefix + path,
    beside: ready && own,
  });
  const handler = toFastifyHandler(receiver);
  // preParsing is the last hook before Fastify reads the body: the token is checked before the body
  // is read, and after onRequest hooks such as rate limits.
  addRoutes(app, path, handler);
  app.addHook('onReady', async () => receiver.start());
  app.addHook('preClose', async () => void receiver.close());
  app.addHook('onClose', async () => receiver.close());
}) as FastifyPluginAsync<NovitaWebhooksOptions> as NovitaWebhooksPlugin;

const USAGE = "app.register(novitaWebhooks, { path: '/webhooks/novita', receiver })";

/** In JavaScript, a plugin may be mounted as if it were middleware. */
function requireApp(app: unknown): void {
  if (typeof (app as Partial<FastifyInstance> | undefined)?.addHook === 'function') return;
  const message = `fastify: novitaWebhooks is a plugin, not a handler. Mount it as ${USAGE}.`;
  throw new WebhookError('invalid_option', message);
}

/** Without a logger, all methods of `app.log` are one function that does nothing. */
function loggerOf({ log }: FastifyInstance): Pick<ReceiverOptions, 'logger'> {
  return log.info === log.error && log.level !== 'silent' ? {} : { logger: log };
}

function defaultPath({ prefix }: FastifyInstance): string {
  if (prefix !== '') return '/';
  const message = `fastify: path is missing. Pass the path of url: ${USAGE}.`;
  throw new WebhookError('invalid_option', message);
}

/**
 * Creates a function for an existing route: its handler, which runs after Fastify has read the
 * body, or its `onRequest` or `preParsing` hook, which runs before. The caller must start and close
 * the receiver.
 *
 * @throws WebhookError `invalid_option`
 * @example
 * app.post('/webhooks/novita', toFastifyHandler(receiver));
 */
export function toFastifyHandler(target: Receiver<object>): FastifyHandler {
  const receiver = toReceiver(target, { usage: 'app.post(path, toFastifyHandler(receiver))' });
  // A rest parameter, because Fastify rejects an async onRequest hook with three parameters.
  return async (request, reply, ...[payload]) => {
    reply.hijack(); // a reply may be sent before the body has arrived completely
    for (const [name, value] of Object.entries(reply.getHeaders())) {
      if (value !== undefined) reply.raw.setHeader(name, value);
    }
    await handleNodeRequest(receiver, request.raw, reply.raw, {
      parsed: request,
      payload: asStream(payload),
    });
  };
}

const OTHER_METHODS = ['HEAD', 'GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;
const noReply = (): void => undefined;

/** Takes POST, and replies 405 to other methods, unless the app has a route for them on the path. */
function addRoutes(app: FastifyInstance, path: string, handler: FastifyHandler): void {
  const schema = { hide: true } as FastifySchema; // for @fastify/swagger
  const options = { preParsing: handler, schema, exposeHeadRoute: false };
  app.post(path, options, noReply);
  const pattern = toPattern(path);
  if (pattern !== undefined) {
    app.all(pattern, options, noReply);
    return;
  }
  for (const method of OTHER_METHODS) {
    if (app.hasRoute({ method, url: app.prefix + path })) continue;
    app.route({ ...options, method, url: path, handler: noReply });
  }
}

/**
 * A pattern that matches only this path. A route with a pattern gives way to a route with the plain
 * path, also to one that is registered later. `undefined` if the path does not end with plain text.
 */
function toPattern(path: string): string | undefined {
  const [, folder, name] = /^(.*\/)([\w-]+)$/.exec(path) ?? [];
  return folder === undefined || name === undefined ? undefined : `${folder}:novita(^${name}$)`;
}

/** An onRequest hook gets a callback in the place of the payload. */
function asStream(payload: unknown): RequestPayload | undefined {
  return typeof payload === 'object' && payload !== null ? (payload as RequestPayload) : undefined;
}

/** Plugin options that Fastify reads itself; the receiver would reject them as unknown. */
const FASTIFY_OPTIONS = new Set(['prefix', 'logLevel', 'logSerializers']);

function receiverOptions(options: ReceiverOptions): ReceiverOptions {
  return Object.fromEntries(Object.entries(options).filter(([name]) => !FASTIFY_OPTIONS.has(name)));
}
