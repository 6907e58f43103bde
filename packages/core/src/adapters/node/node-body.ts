import { WebhookError } from '../../shared/errors.ts';
import type { RequestBody } from '../../delivery/request.ts';
import type { NodeRequest } from './types.ts';

/** What an earlier parser made of a request. */
interface ParsedBody {
  readonly body?: unknown;
  readonly rawBody?: unknown;
}

/**
 * The body of a Node request in the best form in which it is still to be had: bytes that somebody
 * kept, the stream itself, or what a parser made of it. Never a stream that has ended: waiting for
 * that would be for ever.
 */
export function nodeBody(request: NodeRequest, parsed: object): RequestBody {
  const { body, rawBody } = parsed as ParsedBody;
  if (isBytesOrText(rawBody)) return rawBody;
  if (isUnread(request) && (body === undefined || isSent(request))) return unreadStream(request);
  if (isBytesOrText(body)) return body;
  if (body === undefined || body === '' || isLeftBlank(body, request)) return undefined;
  return { parsed: body };
}

function isBytesOrText(value: unknown): value is Uint8Array | string {
  return (typeof value === 'string' || value instanceof Uint8Array) && value.length > 0;
}

/** Parsers write `{}` both for the body `{}` and for one that they did not understand. */
function isLeftBlank(body: unknown, { headers }: NodeRequest): boolean {
  const isBlank = typeof body === 'object' && body !== null && Object.keys(body).length === 0;
  return isBlank && !(Number(headers['content-length']) <= 2);
}

/** Whether there is a body on the wire. */
function isSent({ headers }: NodeRequest): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length']) > 0;
}

function isUnread({ readableEnded, readableDidRead, destroyed }: NodeRequest): boolean {
  return readableEnded !== true && readableDidRead !== true && destroyed !== true;
}

type Chunk = Uint8Array | string;

/**
 * A stream to be read later, after the token was checked. Held until then: another listener,
 * perhaps a logger, would let it flow away.
 */
function unreadStream(request: NodeRequest): AsyncIterable<Chunk> {
  request.pause();
  return {
    [Symbol.asyncIterator]() {
      if (isUnread(request) && !hasReader(request)) return readChunks(request);
      if (request.destroyed === true) throw new Error('the connection was closed');
      throw new WebhookError('body_already_read', 'somebody else reads the body');
    },
  };
}

/** Whoever listens for `readable` takes the chunks away before they are handed out. */
function hasReader(request: NodeRequest): boolean {
  return (request.listenerCount?.('readable') ?? 0) > 0;
}

/**
 * The request's chunks, one at a time. Unlike a stream's own iterator this one leaves the
 * connection open when the reader stops early, so that there is still a way to answer.
 */
function readChunks(request: NodeRequest): AsyncIterator<Chunk> {
  const queue: Chunk[] = [];
  let end: { readonly error?: Error } | undefined;
  let wake: () => void = () => undefined;

  const onData = (chunk: Chunk) => {
    queue.push(chunk);
    request.pause();
    wake();
  };
  const finish = (error?: Error) => {
    end ??= error === undefined ? {} : { error };
    wake();
  };
  const onEnd = () => finish();
  const onClose = () => finish(new Error('the connection was closed'));
  request.on('data', onData);
  request.on('end', onEnd);
  request.on('error', finish);
  request.on('close', onClose);

  return {
    async next() {
      if (queue.length === 0 && end === undefined) {
        const woken = new Promise<void>((resolve) => (wake = resolve));
        request.resume();
        await woken;
      }
      const value = queue.shift();
      if (value !== undefined) return { done: false, value };
      if (end?.error !== undefined) throw end.error;
      return { done: true, value: undefined };
    },
    async return() {
      request.off('data', onData);
      request.off('end', onEnd);
      request.off('close', onClose);
      // The error listener stays: a connection that breaks later must not end the process.
      request.pause();
      return { done: true, value: undefined };
    },
  };
}
