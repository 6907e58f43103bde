import type { Receiver } from '@novita-webhooks/core';

import type { ContractCase } from '../contract-case.ts';

/**
 * Middleware that runs before the adapter. `json`, `raw` and `text`: the framework's usual body
 * parsers, for every content type. `json-by-type`: its JSON parser with default options. `rawBody`:
 * keeps the bytes as `rawBody` only. `node-json`, `node-rawBody`: the same on Node's request, where the
 * framework has another. `bigint`: a JSON parser that makes long integers BigInts. `tap`: listens to
 * the body stream without waiting for it. `drain`: reads the body and discards it. `throws`: defines
 * a `body` of the request that throws when it is read.
 */
export type PriorMiddleware =
  | 'json'
  | 'json-by-type'
  | 'raw'
  | 'text'
  | 'rawBody'
  | 'node-json'
  | 'node-rawBody'
  | 'bigint'
  | 'tap'
  | 'drain'
  | 'throws';

/** A listening server with the adapter mounted. */
export interface AdapterServer {
  /** Where the adapter is mounted: `http://127.0.0.1:<port>/<path>`. */
  readonly url: string;
  /** How often the server ran middleware after the adapter, or its error handler. */
  passedOn(): number;
  close(): Promise<void>;
}

/** An adapter under test: how a server of its framework mounts it. */
export interface AdapterSubject {
  /** The middleware of {@link PriorMiddleware} that exists for this framework. */
  readonly parsers: readonly PriorMiddleware[];
  /** The framework's `json` parser decodes bodies with a `Content-Encoding`. Default: `false`. */
  readonly inflates?: boolean;
  /** The adapter receives POST requests only; the app handles other methods. Default: `false`. */
  readonly postOnly?: boolean;
  /**
   * What happens to a delivery whose path ends with an additional slash. `'taken'` (default): the
   * adapter receives it. `'left'`: it is another path, and the app answers 404.
   */
  readonly trailingSlash?: 'taken' | 'left';
  /** `false`: the server manages connections, and the adapter cannot close one. */
  readonly closesConnections?: boolean;
  /** The servers use HTTP/2 without TLS, and their URLs begin with `h2c:`. Default: `false`. */
  readonly http2?: boolean;
  /**
   * Starts a server on 127.0.0.1 with the adapter for `receiver`, after the middleware `before`.
   * Rejects with `invalid_option` if the receiver accepts no deliveries.
   */
  serve(receiver: Receiver, before: PriorMiddleware | undefined): Promise<AdapterServer>;
  /**
   * Starts a server with the usual body parsers and one more route, at `url`, that replies with the
   * body that it received. Mounts the adapter too if `receiver` is given. Absent where a server has
   * no routes; the case is then skipped.
   */
  serveOtherRoute?(receiver: Receiver | undefined): Promise<Omit<AdapterServer, 'passedOn'>>;
}

export type AdapterCase = ContractCase<AdapterSubject>;

/** Skips a case for frameworks without this middleware. */
export function needs(before: PriorMiddleware): (subject: AdapterSubject) => string | undefined {
  return ({ parsers }) => (parsers.includes(before) ? undefined : `no ${before} middleware`);
}

/** Skips a case about consecutive requests on one connection. */
export function needsHttp1({ http2 }: AdapterSubject): string | undefined {
  return http2 === true ? 'HTTP/2 sends each request on its own stream' : undefined;
}
