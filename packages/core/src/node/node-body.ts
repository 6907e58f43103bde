import { WebhookError } from '../errors.ts';
import type { RequestBody } from '../request.ts';
import type { NodeRequest } from './types.ts';

/** What an earlier parser made of a request. */
interface ParsedBody {
  readonly body?: unknown;
  readonly rawBody?: unknown;
}

/**
 * The body of a Node request in the best form in which it is still to be had: bytes that somebody
 * kept, what a parser made of them, or the stream itself. Never a stream that has ended: waiting
 * for that would be for ever.
 */
export function nodeBody(request: NodeRequest, parsed: object): RequestBody {
  const { body, rawBody } = parsed as ParsedBody;
  if (isBytesOrText(rawBody)) return rawBody;
  if (isBytesOrText(body)) return body;
  if (isObject(body) && !isEmpty(body)) return { parsed: body };
  if (isUnread(request)) return unreadStream(request);
  // Parsers write {} both for the body `{}` and for one that they did not understand.
  if (isObject(body) && Number(request.headers['content-length']) <= 2) return { parsed: body };
  return undefined;
}

function isBytesOrText(value: unknown): value is Uint8Array | string {
  return (typeof value === 'string' || value instanceof Uint8Array) && value.length > 0;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function isEmpty(value: object): boolean {
  return Object.keys(value).length === 0;
}

function isUnread({ readableEnded, readableDidRead, destroyed }: NodeRequest): boolean {
  return readableEnded !== true && readableDidRead !== true && destroyed !== true;
}

type Chunk = Uint8Array | string;

/**
 * A stream that flows already has another listener, perhaps a logger, and will not wait for the
 * token to be checked: it is listened to at once. One that does not flow is left alone until then.
 */
function unreadStream(request: NodeRequest): AsyncIterable<Chunk> {
  const flowing = request.readableFlowing === true ? readChunks(request) : undefined;
  return {
    [Symbol.asyncIterator]() {
      if (flowing !== undefined) return flowing;
      if (isUnread(request)) return readChunks(request);
      throw new WebhookError('body_already_read', 'somebody read the body in the meantime');
    },
  };
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
