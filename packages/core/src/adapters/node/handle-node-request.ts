import { systemClock } from '../../shared/clock.ts';
import { WebhookError } from '../../shared/errors.ts';
import type { Receiver } from '../../receiver.ts';
import type { WebhookReply, WebhookRequest } from '../../delivery/request.ts';
import { readOr, readProperty } from '../../shared/read-or.ts';
import { nodeBody, type NodeBodySource } from './node-body.ts';
import type { NodeRequest, NodeResponse, NodeStream } from './types.ts';

/** How a framework differs from `node:http`. */
export interface HandleNodeRequestOptions {
  /** The object with `body` and `rawBody` of earlier parsers, if it is not the request itself. */
  readonly parsed?: object | undefined;
  /**
   * The stream to read instead of the request, if an earlier hook has replaced it. Its content
   * encoding is then removed already.
   */
  readonly payload?: NodeStream | undefined;
  /**
   * Sends a reply with the framework's own functions. While the body is still arriving, the reply is
   * sent on Node's response instead, after a call of `hijack`.
   */
  readonly send?: ((reply: WebhookReply) => void) | undefined;
  /** Tells the framework that the response is sent without it. */
  readonly hijack?: (() => void) | undefined;
}

/**
 * Takes one delivery from a Node request and sends the reply. An adapter for a Node framework needs
 * no other function.
 *
 * @throws WebhookError `already_replied` if another middleware has sent a reply already
 */
export async function handleNodeRequest(
  receiver: Receiver<object>,
  request: NodeRequest,
  response: NodeResponse,
  { parsed = request, payload = request, send, hijack }: HandleNodeRequestOptions = {},
): Promise<void> {
  if (hasReplied(response)) {
    const message =
      'adapter: another middleware has already replied to this request. Mount the webhook middleware before it.';
    throw new WebhookError('already_replied', message);
  }
  const reply = await receiver.handle(toWebhookRequest({ request, parsed, payload }));
  if (isIncomplete(request)) await nextTurn();
  // Meanwhile a timeout middleware may have replied, or the sender may have disconnected.
  if (hasReplied(response) || response.destroyed === true) return;
  const isBodyArriving = isIncomplete(request);
  const finalReply = isBodyArriving || reply.close ? withConnectionClose(reply, request) : reply;
  if (!isBodyArriving && send !== undefined) {
    send(finalReply);
    return;
  }
  hijack?.();
  writeHead(response, finalReply);
  if (isBodyArriving) {
    response.write(finalReply.body);
    linger(request, response);
  } else {
    response.end(finalReply.body);
  }
}

/** What cannot be read counts as absent. The pipeline handles the error of a body that cannot be read. */
function toWebhookRequest(source: NodeBodySource): WebhookRequest {
  const { request, payload } = source;
  const headers = (readProperty(request, 'headers') ?? {}) as NodeRequest['headers'];
  return {
    method: (readProperty(request, 'method') ?? '') as string,
    url: (readProperty(request, 'url') ?? '') as string,
    headers: payload === request ? headers : { ...headers, 'content-encoding': undefined },
    get body() {
      return nodeBody(source);
    },
    get remoteAddress() {
      return request.socket?.remoteAddress;
    },
  };
}

function isIncomplete(request: NodeRequest): boolean {
  return readProperty(request, 'complete') === false;
}

/** Node parses a body in the packet of its headers after the event `request`. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => systemClock.after(0, resolve));
}

function hasReplied(response: NodeResponse): boolean {
  return response.headersSent;
}

/** HTTP/2 has no such header: its stream ends, and the connection stays open. */
function withConnectionClose(reply: WebhookReply, request: NodeRequest): WebhookReply {
  if (readProperty(request, 'httpVersionMajor') === 2) return reply;
  return { ...reply, headers: { ...reply.headers, connection: 'close' } };
}

function writeHead(response: NodeResponse, reply: WebhookReply): void {
  response.writeHead(reply.status, { ...reply.headers, 'content-length': reply.body.length });
}

const LINGER_MS = 1000;
const MAX_LINGER_BYTES = 64 * 1024;

/**
 * Closes a connection while the rest of a body is still arriving. If it were closed at once, the
 * kernel would reset it because of unread bytes, and the sender might not see the reply. So a limited
 * number of bytes is read and discarded for a limited time, until the sender stops.
 */
function linger(request: NodeRequest, response: NodeResponse): void {
  let bytes = 0;
  const stopReading = () => {
    request.off('data', discard);
    request.off('end', end);
    request.pause();
  };
  const end = () => {
    cancel();
    readOr(stopReading, undefined);
    response.end();
  };
  const discard = (chunk: { readonly length: number }) => {
    bytes += chunk.length;
    if (bytes > MAX_LINGER_BYTES) readOr(() => request.pause(), undefined);
  };
  const cancel = systemClock.after(LINGER_MS, end);
  request.on('data', discard);
  request.on('end', end);
  request.on('error', end);
  response.on('close', end);
  request.resume();
}
