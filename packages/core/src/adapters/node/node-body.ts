import { WebhookError } from '../../shared/errors.ts';
import type { PushedBody, RequestBody } from '../../delivery/request.ts';
import { isBytes } from '../../shared/copy-json.ts';
import type { NodeRequest, NodeStream } from './types.ts';

/** The properties that an earlier parser sets. */
interface ParsedBody {
  readonly body?: unknown;
  readonly rawBody?: unknown;
}

/** Where the body of a request may be. */
export interface NodeBodySource {
  readonly request: NodeRequest;
  /** The framework's own request, on which its parsers leave their results. */
  readonly parsed: object;
  /** The stream that replaced the request's, for example the one of a decompressor. */
  readonly payload: NodeStream;
}

/**
 * The body of a Node request in the best available form: bytes that were kept, the stream itself, or
 * the value of a parser. The framework's request comes before Node's, and raw bytes of either come
 * before a parsed value of either. Never a stream that has ended: reading it would never end.
 */
export function nodeBody({ request, parsed, payload }: NodeBodySource): RequestBody {
  if (payload !== request && isUnread(payload)) return unreadStream(payload);
  const places = (parsed === request ? [request] : [parsed, request]) as readonly ParsedBody[];
  const rawBody = places.map((place) => place.rawBody).find(isBytesOrText);
  if (rawBody !== undefined) return rawBody;
  const bodies = places.map(({ body }) => body).filter((body) => body !== undefined);
  if (isUnread(request) && (bodies.length === 0 || hasBody(request))) return unreadStream(request);
  const bytes = bodies.find(isBytesOrText);
  if (bytes !== undefined) return bytes;
  if (wasEmpty(request, bodies)) return '';
  const value = bodies.find((body) => !isEmpty(body) && !isPlaceholder(body, request));
  return value === undefined ? undefined : { parsed: value };
}

function isBytesOrText(value: unknown): value is Uint8Array | string {
  return (typeof value === 'string' || isBytes(value)) && value.length > 0;
}

function isEmpty(value: unknown): boolean {
  return (typeof value === 'string' || isBytes(value)) && value.length === 0;
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

/** Whether a parser read the request and its body had no bytes. */
function wasEmpty(request: NodeRequest, bodies: readonly unknown[]): boolean {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  if (length !== undefined) return Number(length) === 0;
  // Without either header a request of HTTP/1 has no body; a request of HTTP/2 may have one.
  if (encoding === undefined && request.httpVersionMajor !== 2) return true;
  return bodies.some(isEmpty);
}

function isUnread({ readableEnded, readableDidRead, destroyed }: NodeStream): boolean {
  return readableEnded !== true && readableDidRead !== true && destroyed !== true;
}

/**
 * The stream, to be read after the token was checked. It is paused until then, because the data
 * would be lost to another listener such as a logger. It leaves the connection open if reading stops
 * early, so that a reply can still be sent.
 */
function unreadStream(stream: NodeStream): PushedBody {
  stream.pause();
  return {
    pushTo(sink) {
      requireUnread(stream);
      let hasEnded = false;
      const onEnd = () => {
        hasEnded = true;
        sink.end();
      };
      const onClose = () => {
        if (!hasEnded) sink.fail(new Error('the connection was closed')); // else after every body
      };
      stream.on('data', sink.chunk);
      stream.on('end', onEnd);
      stream.on('error', sink.fail);
      stream.on('close', onClose);
      stream.resume();
      return () => {
        stream.off('data', sink.chunk);
        stream.off('end', onEnd);
        stream.off('close', onClose);
        // The error listener stays: an error of the connection without one would end the process.
        stream.pause();
      };
    },
  };
}

function requireUnread(stream: NodeStream): void {
  if (isUnread(stream) && !hasReader(stream)) return;
  if (stream.destroyed === true) throw new Error('the connection was closed');
  throw new WebhookError(
    'body_already_read',
    'another listener reads the request body. Mount the webhook middleware before it.',
  );
}

/** A listener for `readable` takes the chunks before they reach the `data` listeners. */
function hasReader(stream: NodeStream): boolean {
  return (stream.listenerCount?.('readable') ?? 0) > 0;
}
