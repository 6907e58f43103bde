import type { Agent, IncomingHttpHeaders } from 'node:http';

export interface HttpReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A body as a whole, or as chunks that may come as slowly as they like. */
export type HttpBody = string | Uint8Array | AsyncIterable<string | Uint8Array>;

export interface HttpOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: HttpBody;
  readonly agent?: Agent;
  /** Default 5000: an adapter that does not answer fails its case. */
  readonly timeoutMs?: number;
}

export function isWhole(body: HttpBody): body is string | Uint8Array {
  return typeof body === 'string' || body instanceof Uint8Array;
}
