/**
 * One delivery, in the shape that the core reads. Adapters translate their framework's request
 * into this and decide nothing.
 */
export interface WebhookRequest {
  readonly method: string;
  /** The path with its query, or the whole URL. Only the query is read. */
  readonly url: string;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: RequestBody;
}

/**
 * A body in whatever form it is still to be had: a stream nobody has read, bytes, text, or the
 * value that a parser made of it. `undefined`: somebody read it and kept nothing.
 */
export type RequestBody =
  | AsyncIterable<Uint8Array | string>
  | Uint8Array
  | string
  | { readonly parsed: unknown }
  | undefined;

/** What to answer. The same for every framework. */
export interface WebhookReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON, ASCII only: its length in characters is its length in bytes. */
  readonly body: string;
  /** Whether the connection must be closed, since the rest of the body will not be read. */
  readonly close: boolean;
}

/** What an entry point knows of the runtime around it. */
export interface RuntimeContext {
  /**
   * Nothing is sure to go on after the answer. Then, unless `ack` was set or the inbox keeps events
   * elsewhere, the answer waits for the handlers.
   */
  readonly ephemeral?: boolean | undefined;
  /** Keeps the runtime alive until a promise settles, also after the answer. */
  readonly waitUntil?: ((work: Promise<unknown>) => void) | undefined;
}

/** The first value of a header, or `undefined`. */
export function header(request: WebhookRequest, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'object' ? value[0] : value;
}
