import { toReceiver, type Receiver, type ReceiverOptions } from '@novita-webhooks/core';
import { handleNodeRequest } from '@novita-webhooks/core/node';
import type { Middleware } from 'koa';

/** What can be set beside a receiver or its options. */
export interface MountOptions {
  /** Only requests to this path are taken; without it, all that reach the middleware. */
  readonly path?: string | undefined;
}

/** Koa middleware, and the receiver behind it. */
export type NovitaWebhooks = Middleware & { readonly receiver: Receiver };

/**
 * Receives Novita's webhooks in a Koa app: on a router's path, or mounted with a `path` of its
 * own, before or after body parsers. Takes a receiver, or the options to make one.
 *
 * @throws WebhookError `invalid_option`
 * @example
 * router.post('/webhooks/novita', novitaWebhooks(receiver));
 * app.use(novitaWebhooks({ secret, onTaskSucceeded }, { path: '/webhooks/novita' }));
 */
export function novitaWebhooks(receiver: Receiver, mount?: MountOptions): NovitaWebhooks;
// Two signatures, since the parameters of inline handlers are not inferred from a union.
// eslint-disable-next-line @typescript-eslint/unified-signatures
export function novitaWebhooks(options: ReceiverOptions, mount?: MountOptions): NovitaWebhooks;
export function novitaWebhooks(
  target: Receiver | ReceiverOptions,
  { path }: MountOptions = {},
): NovitaWebhooks {
  const receiver = toReceiver(target);
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

function withoutSlash(path: string): string {
  return path.replace(/\/$/, '');
}
