import { systemClock } from '../../shared/clock.ts';
import { WebhookError } from '../../shared/errors.ts';
import type { Receiver } from '../../receiver.ts';
import type { WebhookReply } from '../../delivery/request.ts';
import { nodeBody } from './node-body.ts';
import type { NodeRequest, NodeResponse } from './types.ts';

/** How a framework differs from plain Node. */
export interface HandleNodeRequestOptions {
  /** What has the `body` and `rawBody` of earlier parsers, where that is not the request itself. */
  readonly parsed?: object | undefined;
  /**
   * Sends a reply in the framework's own way. Not used while the body is still coming in: then the
   * answer goes out on Node's response, after `hijack` was called.
   */
  readonly send?: ((reply: WebhookReply) => void) | undefined;
  readonly hijack?: (() => void) | undefined;
}

/**
 * Takes one delivery from a Node request and answers it: the whole of what an adapter for a Node
 * framework has to do.
 *
 * @throws WebhookError `already_replied` when something mounted earlier has answered already
 */
export async function handleNodeRequest(
  receiver: Receiver,
  request: NodeRequest,
  response: NodeResponse,
  { parsed = request, send, hijack }: HandleNodeRequestOptions = {},
): Promise<void> {
  if (hasAnswered(response)) {
    const message =
      'something mounted before the webhook middleware has answered this request already';
    throw new WebhookError('already_replied', message);
  }
  const reply = await receiver.handle({
    method: request.method ?? '',
    url: request.url ?? '',
    headers: request.headers,
    body: nodeBody(request, parsed),
  });
  // Meanwhile a time-out middleware may have answered, or the sender may have left.
  if (hasAnswered(response) || response.destroyed === true) return;
  const isComing = request.complete === false;
  const answer = isComing || reply.close ? closing(reply, request) : reply;
  if (!isComing && send !== undefined) {
    send(answer);
    return;
  }
  hijack?.();
  writeHead(response, answer);
  if (isComing) {
    response.write(answer.body);
    linger(request, response);
  } else {
    response.end(answer.body);
  }
}

function hasAnswered(response: NodeResponse): boolean {
  return response.headersSent;
}

/** HTTP/2 has no such header; there the stream ends, and the connection goes on. */
function closing(reply: WebhookReply, { httpVersionMajor }: NodeRequest): WebhookReply {
  if (httpVersionMajor === 2) return reply;
  return { ...reply, headers: { ...reply.headers, connection: 'close' } };
}

function writeHead(response: NodeResponse, reply: WebhookReply): void {
  response.statusCode = reply.status;
  for (const [name, value] of Object.entries(reply.headers)) response.setHeader(name, value);
  response.setHeader('content-length', reply.body.length);
}

const LINGER_MS = 1000;
const LINGER_BYTES = 64 * 1024;

/**
 * Closes a connection on which the rest of a body is still coming in. Closed at once, unread bytes
 * would make the kernel reset it, and the sender might never see the answer. So a little more is
 * read and thrown away, for a short while, until the sender stops.
 */
function linger(request: NodeRequest, response: NodeResponse): void {
  let bytes = 0;
  const end = () => {
    cancel();
    request.off('data', discard);
    request.off('end', end);
    request.pause();
    response.end();
  };
  const discard = (chunk: { readonly length: number }) => {
    bytes += chunk.length;
    if (bytes > LINGER_BYTES) request.pause();
  };
  const cancel = systemClock.after(LINGER_MS, end);
  request.on('data', discard);
  request.on('end', end);
  request.on('error', end);
  response.on('close', end);
  request.resume();
}
