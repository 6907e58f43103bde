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

/** The first value of a header, or `undefined`. */
export function header(request: WebhookRequest, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'object' ? value[0] : value;
}
