import { toReceiver, type Receiver, type ReceiverOptions } from '@novita-webhooks/core';
import { handleNodeRequest } from '@novita-webhooks/core/node';
import type { Request, RequestHandler } from 'express';

/** Express middleware, and the receiver behind it. */
export type NovitaWebhooks = RequestHandler & { readonly receiver: Receiver };

/**
 * Receives Novita's webhooks in an Express app, for `app.post`, `app.use` and routers, before or
 * after body parsers. Answers every request that reaches it.
 *
 * Takes a receiver, or the options to make one.
 *
 * @throws WebhookError `invalid_option`
 * @example
 * app.post('/webhooks/novita', novitaWebhooks({ secret, onTaskSucceeded }));
 */
export function novitaWebhooks(receiver: Receiver): NovitaWebhooks;
// Two signatures, since the parameters of inline handlers are not inferred from a union.
// eslint-disable-next-line @typescript-eslint/unified-signatures
export function novitaWebhooks(options: ReceiverOptions): NovitaWebhooks;
export function novitaWebhooks(target: Receiver | ReceiverOptions): NovitaWebhooks {
  const receiver = toReceiver(target);
  receiver.start();
  const middleware: RequestHandler = (request: Request, response, next) => {
    handleNodeRequest(receiver, request, response).catch(next);
  };
  return Object.assign(middleware, { receiver });
}
