import { toReceiver, type Receiver, type ReceiverOptions } from '@novita-webhooks/core';
import { handleNodeRequest } from '@novita-webhooks/core/node';
import type { Request, RequestHandler } from 'express';

/** Express middleware with the receiver that it uses. */
export type NovitaWebhooks = RequestHandler & { readonly receiver: Receiver };

/**
 * Creates Express middleware that receives Novita's webhooks, for `app.post`, `app.use` and routers,
 * before or after body parsers. Starts the receiver. The middleware answers every request that
 * reaches it, and calls `next` only with an error.
 *
 * @param receiver a receiver, or the options of `createReceiver`
 * @throws WebhookError `invalid_option`
 * @example
 * app.post('/webhooks/novita', novitaWebhooks({ secret, onTaskSucceeded }));
 */
export function novitaWebhooks(receiver: Receiver): NovitaWebhooks;
// Two overloads: TypeScript does not infer the parameters of inline handlers from a union.
// eslint-disable-next-line @typescript-eslint/unified-signatures
export function novitaWebhooks(options: ReceiverOptions): NovitaWebhooks;
export function novitaWebhooks(target: Receiver | ReceiverOptions): NovitaWebhooks {
  const receiver = toReceiver(target, { usage: 'app.post(path, novitaWebhooks(receiver))' });
  receiver.start();
  const middleware: RequestHandler = (request: Request, response, next) => {
    handleNodeRequest(receiver, request, response).catch(next);
  };
  return Object.assign(middleware, { receiver });
}
