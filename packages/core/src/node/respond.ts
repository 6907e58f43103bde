import { systemClock } from '../clock.ts';
import { WebhookError } from '../errors.ts';
import type { Receiver } from '../receiver.ts';
import type { WebhookReply } from '../request.ts';
import { nodeBody } from './node-body.ts';
import type { NodeRequest, NodeResponse } from './types.ts';

/** Where a framework keeps what is not on the request. */
export interface RespondOptions {
  /** What has the `body` and `rawBody` of earlier parsers, where that is not the request itself. */
  readonly parsed?: object | undefined;
}

/**
 * Takes one delivery from a Node request and answers it: the whole of what an adapter for a Node
 * framework has to do.
 *
 * @throws WebhookError `already_replied` when something mounted earlier has answered already
 */
export async function respond(
  receiver: Receiver,
  request: NodeRequest,
  response: NodeResponse,
  { parsed = request }: RespondOptions = {},
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
  if (!hasAnswered(response) && response.destroyed !== true) send(request, response, reply);
}

function hasAnswered(response: NodeResponse): boolean {
  return response.headersSent;
}

function send(request: NodeRequest, response: NodeResponse, reply: WebhookReply): void {
  response.statusCode = reply.status;
  for (const [name, value] of Object.entries(reply.headers)) response.setHeader(name, value);
  response.setHeader('content-length', reply.body.length);
  if (!reply.close && request.complete !== false) {
    response.end(reply.body);
    return;
  }
  // HTTP/2 has no such header; there the stream ends, and the connection goes on.
  if (request.httpVersionMajor !== 2) response.setHeader('connection', 'close');
  response.write(reply.body);
  linger(request, response);
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
