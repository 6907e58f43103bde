import {
  requireOptions,
  toReceiver,
  type JsonObject,
  type MetadataInput,
  type Receiver,
  type ReceiverOptions,
} from '@novita-webhooks/core';
import { handleNodeRequest } from '@novita-webhooks/core/node';
import type { Middleware } from 'koa';

/** Where the middleware is mounted. */
export interface MountOptions {
  /**
   * The middleware answers requests to this path, with or without a slash at its end, and passes
   * others on. Default: it answers every request that reaches it.
   */
  readonly path?: string | undefined;
}

/** Koa middleware with the receiver that it uses. */
export type NovitaWebhooks<Used extends Receiver<object> = Receiver> = Middleware & {
  readonly receiver: Used;
};

/**
 * Creates Koa middleware that receives Novita's webhooks: on a route, or with a `path`, before or
 * after body parsers. Starts the receiver.
 *
 * @param receiver a receiver, or the options of `createReceiver`
 * @throws WebhookError `invalid_option`
 * @example
 * router.post('/webhooks/novita', novitaWebhooks(receiver));
 * app.use(novitaWebhooks({ secret, onTaskSucceeded }, { path: '/webhooks/novita' }));
 */
export function novitaWebhooks<Used extends Receiver<object>>(
  receiver: Used,
  mount?: MountOptions,
): NovitaWebhooks<Used>;
// Two overloads: TypeScript does not infer the parameters of inline handlers from a union.
export function novitaWebhooks<
  Metadata extends object = JsonObject,
  Tx = unknown,
  Input extends object = MetadataInput<Metadata>,
>(
  options: ReceiverOptions<Metadata, Tx, Input>,
  mount?: MountOptions,
): NovitaWebhooks<Receiver<Metadata, Tx, Input>>;
export function novitaWebhooks(
  target: Receiver<object> | ReceiverOptions,
  mount: MountOptions = {},
): NovitaWebhooks<Receiver<object>> {
  requireOptions('koa', mount, `${USAGE} or with { path }`, ['path']);
  const { path } = mount;
  const receiver = toReceiver(target, { usage: USAGE, path });
  receiver.start();
  const middleware: Middleware = async (context, next) => {
    if (path !== undefined && withoutSlash(context.path) !== withoutSlash(path)) {
      await next();
      return;
    }
    await handleNodeRequest(receiver, context.req, context.res, {
      parsed: context.request,
      send({ status, headers, body }) {
        context.status = status;
        context.set(headers);
        context.body = body;
      },
      hijack() {
        context.respond = false;
      },
    });
  };
  return Object.assign(middleware, { receiver });
}

const USAGE = 'router.post(path, novitaWebhooks(receiver))';

function withoutSlash(path: string): string {
  return path.replace(/\/$/, '');
}
