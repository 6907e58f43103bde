/** How a sender signs its events. */
export type Scheme = 'novita' | 'github' | 'stripe' | 'svix' | 'standard' | 'polar';

/** What the load process sends to, and what the server process reports. */
export interface Listening {
  readonly url: string;
  readonly scheme: Scheme;
}

export type ServerRequest =
  | { readonly type: 'start'; readonly target: string; readonly location: string }
  | { readonly type: 'read' }
  /** Replies when that many events are handled, or after a minute. */
  | { readonly type: 'drain'; readonly handled: number }
  | { readonly type: 'stop' };

/** Since the start of the process. */
export interface ServerReply extends Listening {
  readonly handled: number;
  /** CPU time of all threads, in microseconds. */
  readonly cpuMicros: number;
}

export interface LoadRequest extends Listening {
  readonly events: number;
  readonly connections: number;
  /** Events per second at random times. Default: each connection sends as soon as it can. */
  readonly perSecond?: number;
}

/** Latencies are in milliseconds. */
export interface LoadReply {
  readonly seconds: number;
  /** Events without a reply of 2xx. */
  readonly failed: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** Share of the time in which the load process was busy. Near 1, it limits the figures. */
  readonly utilization: number;
}
