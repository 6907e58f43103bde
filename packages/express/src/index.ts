import {
  toReceiver,
  type JsonObject,
  type MetadataInput,
  type Receiver,
  type ReceiverOptions,
} from '@novita-webhooks/core';
import { handleNodeRequest } from '@novita-webhooks/core/node';
import type { Request, RequestHandler } from 'express';

/** Express middleware with the receiver that it uses. */
export type NovitaWebhooks<Used extends Receiver<object> = Receiver> = RequestHandler & {
  readonly receiver: Used;
};

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
export function novitaWebhooks<Used extends Receiver<object>>(receiver: Used): NovitaWebhooks<Used>;
// Two overloads: TypeScript does not infer the parameters of inline handlers from a union.
export function novitaWebhooks<
  Metadata extends object = JsonObject,
  Tx = unknown,
  Input extends object = MetadataInput<Metadata>,
>(options: ReceiverOptions<Metadata, Tx, Input>): NovitaWebhooks<Receiver<Metadata, Tx, Input>>;
export function novitaWebhooks(
  target: Receiver<object> | ReceiverOptions,
  beside?: unknown,
): NovitaWebhooks<Receiver<object>> {
  const usage = 'app.post(path, novitaWebhooks(receiver))';
  const receiver = toReceiver(target, { usage, beside });
  receiver.start();
  const middleware: RequestHandler = (request: Request, response, next) => {
    handleNodeRequest(receiver, request, response).catch(next);
  };
  return Object.assign(middleware, { receiver });
}
