import { describeError, WebhookError } from '../shared/errors.ts';
import { readOr } from '../shared/read-or.ts';

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
  | Uint8Array
  | string
  | { readonly parsed: unknown }
  | undefined;

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
  /** Headers by their names. A header that cannot be read counts as absent. */
  header(name: string): string | undefined;
  /** @throws WebhookError `invalid_json` if the body cannot be read, for example because of a getter */
  body(): RequestBody;
}

/**
 * Reads each part of a request once, at once: a stream must be paused before anything is awaited. A
 * request may be any object, and its properties may be getters that throw. Such an error surfaces in
 * the step that needs the part, so a request without a token never gets another reply than 401.
 */
export function readParts(request: WebhookRequest): RequestParts {
  const text = (value: unknown) => (typeof value === 'string' ? value : '');
  const headers = readOr<object>(() => request.headers, {});
  let readBody = () => request.body;
  try {
    const { body } = request;
    readBody = () => body;
  } catch (error) {
    readBody = () => {
      const message = `the body cannot be read: ${describeError(error)}`;
      throw new WebhookError('invalid_json', message, { cause: error });
    };
  }
  return {
    method: text(readOr(() => request.method, '')),
    url: text(readOr(() => request.url, '')),
    header(name) {
      const value = readOr(() => (headers as WebhookRequest['headers'])[name], undefined);
      const first = Array.isArray(value) ? (value as unknown[])[0] : value;
      return typeof first === 'string' ? first : undefined;
    },
    body: () => readBody(),
  };
}
