import type { ReceiverOptions } from '../../options.ts';
import type { Receiver } from '../../receiver.ts';
import type { JsonObject } from '../../shared/json.ts';
import { toReceiver } from '../to-receiver.ts';
import { handleNodeRequest } from './handle-node-request.ts';
import type { NodeRequest, NodeResponse } from './types.ts';

/** A request listener for `http.createServer`. */
export type NodeHandler = (request: NodeRequest, response: NodeResponse) => Promise<void>;

/**
 * Receives Novita's webhooks in a server of `node:http`, `node:https` or `node:http2`. Takes a
 * receiver, or the options of `createReceiver`. Replies to every request that has no reply yet.
 *
 * @throws WebhookError `invalid_option`
 * @example
 * const handler = toNodeHandler(receiver);
 * createServer((request, response) => void handler(request, response)).listen(3000);
 */
export function toNodeHandler(receiver: Receiver<object>): NodeHandler;
// Two signatures, because TypeScript does not infer the parameters of inline handlers from a union.
export function toNodeHandler<Metadata extends object = JsonObject, Tx = unknown>(
  options: ReceiverOptions<Metadata, Tx>,
): NodeHandler;
export function toNodeHandler(
  target: Receiver<object> | ReceiverOptions,
  beside?: unknown,
): NodeHandler {
  const receiver = toReceiver(target, { usage: 'createServer(toNodeHandler(receiver))', beside });
  receiver.start();
  return (request, response) =>
    response.headersSent ? Promise.resolve() : handleNodeRequest(receiver, request, response);
}
