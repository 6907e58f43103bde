import type { Agent, IncomingHttpHeaders } from 'node:http';

/** Long enough for 200 concurrent deliveries on a busy machine. */
export const REPLY_TIMEOUT_MS = 10_000;

export interface HttpReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A complete body, or chunks that the client sends as they become available. */
export type HttpBody = string | Uint8Array | AsyncIterable<string | Uint8Array>;

export interface HttpOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: HttpBody;
  readonly agent?: Agent;
  /** Time until the request fails without a reply, in ms. Default: {@link REPLY_TIMEOUT_MS}. */
  readonly timeoutMs?: number;
}

export function isWhole(body: HttpBody): body is string | Uint8Array {
  return typeof body === 'string' || body instanceof Uint8Array;
}
