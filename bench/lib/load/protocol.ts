/** A request to the load process. */
export type LoadRequest = ClosedLoop | OpenLoop;

interface Load {
  readonly url: string;
  readonly seconds: number;
  /** File to which the acknowledged task ids are appended, one per line. */
  readonly acknowledgedFile: string;
}

/** Each connection sends its next request after the reply to the last one. */
export interface ClosedLoop extends Load {
  readonly type: 'closed-loop';
  readonly connections: number;
}

/** Requests begin at random times with a mean rate, and do not wait for replies. */
export interface OpenLoop extends Load {
  readonly type: 'open-loop';
  readonly perSecond: number;
}

/** Latencies are in milliseconds. */
export interface LoadReply {
  readonly acknowledged: number;
  /** Requests with another status than 2xx, without a reply, or with an error. */
  readonly failed: number;
  readonly seconds: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** Event loop utilization of the load process, 0 to 1. Near 1, it limits the measurement. */
  readonly utilization: number;
}
