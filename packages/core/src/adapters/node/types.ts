/** The part of a readable stream of Node that is used. */
export interface NodeStream {
  readonly destroyed?: boolean;
  readonly readableEnded?: boolean;
  /** Data has been read from it. */
  readonly readableDidRead?: boolean;
  listenerCount?(event: string): number;
  on(event: string, listener: Listener): unknown;
  off(event: string, listener: Listener): unknown;
  pause(): unknown;
  resume(): unknown;
}

/**
 * The part of `http.IncomingMessage` that is read, and what body parsers set on it. Structural, so
 * that every Node framework's request fits without a dependency on Node's types.
 */
export interface NodeRequest extends NodeStream {
  readonly httpVersionMajor?: number;
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Set by most body parsers. */
  readonly body?: unknown;
  /** Set by some platforms, and by parsers with such an option. */
  readonly rawBody?: unknown;
  readonly socket?: { readonly remoteAddress?: string | undefined };
  /** The whole body has arrived. */
  readonly complete?: boolean;
}

// Node's own listeners take `any`, and nothing narrower fits all of its overloads.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Listener = (...args: any[]) => void;

/** The part of `http.ServerResponse` that is used. */
export interface NodeResponse {
  readonly headersSent: boolean;
  readonly destroyed?: boolean;
  writeHead(status: number, headers: Record<string, string | number>): unknown;
  write(chunk: string): unknown;
  // Two signatures, like the response of node:http2.
  end(): unknown;
  // eslint-disable-next-line @typescript-eslint/unified-signatures
  end(chunk: string): unknown;
  on(event: string, listener: Listener): unknown;
}
