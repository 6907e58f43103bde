import { WebhookError } from '../../shared/errors.ts';
import type { RequestBody } from '../../delivery/request.ts';
import type { NodeRequest } from './types.ts';

/** The properties that an earlier parser sets. */
interface ParsedBody {
  readonly body?: unknown;
  readonly rawBody?: unknown;
}

/**
 * The body of a Node request in the best available form: bytes that were kept, the stream itself, or
 * the value of a parser. Never a stream that has ended, because reading it would never end.
 */
export function nodeBody(request: NodeRequest, parsed: object): RequestBody {
  const { body, rawBody } = parsed as ParsedBody;
  if (isBytesOrText(rawBody)) return rawBody;
  if (isUnread(request) && (body === undefined || hasBody(request))) return unreadStream(request);
  if (isBytesOrText(body)) return body;
  if (body === undefined || body === '' || isPlaceholder(body, request)) return undefined;
  return { parsed: body };
}

function isBytesOrText(value: unknown): value is Uint8Array | string {
  return (typeof value === 'string' || value instanceof Uint8Array) && value.length > 0;
}

/** Parsers set `{}` both for the body `{}` and for one that they cannot parse. */
function isPlaceholder(body: unknown, { headers }: NodeRequest): boolean {
  const isBlank = typeof body === 'object' && body !== null && Object.keys(body).length === 0;
  return isBlank && !(Number(headers['content-length']) <= 2);
}

/** Whether the request has a body. */
function hasBody({ headers }: NodeRequest): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length']) > 0;
}

function isUnread({ readableEnded, readableDidRead, destroyed }: NodeRequest): boolean {
  return readableEnded !== true && readableDidRead !== true && destroyed !== true;
}

type Chunk = Uint8Array | string;

/**
 * The stream, to be read after the token was checked. It is paused until then, because the data
 * would be lost to another listener such as a logger.
 */
function unreadStream(request: NodeRequest): AsyncIterable<Chunk> {
  request.pause();
  return {
    [Symbol.asyncIterator]() {
      if (isUnread(request) && !hasReader(request)) return readChunks(request);
      if (request.destroyed === true) throw new Error('the connection was closed');
      throw new WebhookError(
        'body_already_read',
        'another listener reads the request body. Mount the webhook middleware before it.',
      );
    },
  };
}

/** A listener for `readable` takes the chunks before they reach the `data` listeners. */
function hasReader(request: NodeRequest): boolean {
  return (request.listenerCount?.('readable') ?? 0) > 0;
}

/**
 * The request's chunks, one at a time. Unlike the stream's own iterator, it leaves the connection
 * open if the reader stops early, so that a reply can still be sent.
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
      // The error listener stays: an error of the connection without one would end the process.
      request.pause();
      return { done: true, value: undefined };
    },
  };
}
