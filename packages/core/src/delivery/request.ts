import { describeError, WebhookError } from '../shared/errors.ts';
import { readProperty } from '../shared/read-or.ts';

/**
 * One delivery, independent of the framework. Adapters convert their framework's request to it.
 */
export interface WebhookRequest {
  readonly method: string;
  /** The path with its query, or the whole URL. Only the query is read. */
  readonly url: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: RequestBody;
  /** IP address of the connection, for `receiver.refusedDeliveries()`. */
  readonly remoteAddress?: string | undefined;
}

/**
 * A body in the form in which it is available: an unread stream, bytes, text, or the value of an
 * earlier parser. `undefined`: another middleware consumed the body and kept nothing.
 */
export type RequestBody =
  | AsyncIterable<Uint8Array | string>
  | PushedBody
  | Uint8Array
  | string
  | { readonly parsed: unknown }
  | undefined;

/** An unread stream that passes its chunks on as they arrive, without a promise for each. */
export interface PushedBody {
  /**
   * Starts to read. Throws if the stream cannot be read any more.
   *
   * @returns a function that stops reading
   */
  pushTo(sink: BodySink): () => void;
}

/** Gets the chunks of a body. What comes after `end` or `fail` is ignored. */
export interface BodySink {
  chunk(chunk: Uint8Array | string): void;
  end(): void;
  /** @param error why the body is incomplete */
  fail(error: unknown): void;
}

/** A reply, independent of the framework. */
export interface WebhookReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON, ASCII only: its length in characters is its length in bytes. */
  readonly body: string;
  /** Whether the connection has to be closed, because the rest of the body is not read. */
  readonly close: boolean;
}

/** What an entry point knows of its runtime. */
export interface RuntimeContext {
  /**
   * The runtime may stop after the reply. The reply then waits for the handlers, unless `ack` was set
   * or the inbox keeps events outside the process.
   */
  readonly ephemeral?: boolean | undefined;
  /** Keeps the runtime alive until a promise settles, also after the reply. */
  readonly waitUntil?: ((work: Promise<unknown>) => void) | undefined;
}

/** The parts of a request that the pipeline needs, each of the expected type. */
export interface RequestParts {
  readonly method: string;
  readonly url: string;
  /** Read with `headerOf`. */
  readonly headers: unknown;
  /** Read with `bodyOf`. */
  readonly body: { readonly value: RequestBody } | { readonly error: unknown };
}

/**
 * Reads each part of a request once, at once: a stream must be paused before anything is awaited. A
 * request may be any object, and its properties may be getters that throw. Such an error surfaces in
 * the step that needs the part, so a request without a token never gets another reply than 401.
 */
export function readParts(request: WebhookRequest): RequestParts {
  return {
    headers: readProperty(request, 'headers'),
    body: readBodyOnce(request),
    method: toText(readProperty(request, 'method')),
    url: toText(readProperty(request, 'url')),
  };
}

function readBodyOnce(request: WebhookRequest): RequestParts['body'] {
  try {
    return { value: request.body };
  } catch (error) {
    return { error };
  }
}

/** A header by its name. One that cannot be read counts as absent. */
export function headerOf({ headers }: RequestParts, name: string): string | undefined {
  const value = readProperty(headers, name);
  const first = Array.isArray(value) ? (value as unknown[])[0] : value;
  return typeof first === 'string' ? first : undefined;
}

/** @throws WebhookError `invalid_json` if the body cannot be read, for example because of a getter */
export function bodyOf({ body }: RequestParts): RequestBody {
  if (!('error' in body)) return body.value;
  const message = `the body cannot be read: ${describeError(body.error)}`;
  throw new WebhookError('invalid_json', message, { cause: body.error });
}

function toText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
