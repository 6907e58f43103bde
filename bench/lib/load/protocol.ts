/** What the load generator is asked to do. */
export type LoadQuestion = ClosedLoad | PacedLoad;

interface Load {
  readonly url: string;
  readonly seconds: number;
  /** Gets the task ids that were acknowledged, one per line. */
  readonly ledger: string;
}

/** Every connection sends its next request when it has the answer to the last one. */
export interface ClosedLoad extends Load {
  readonly type: 'closed';
  readonly connections: number;
}

/** Requests begin at their own times, at a mean rate, whether others are answered or not. */
export interface PacedLoad extends Load {
  readonly type: 'paced';
  readonly perSecond: number;
}

/** Latencies are in milliseconds. */
export interface LoadAnswer {
  readonly acknowledged: number;
  /** Answered with anything but 2xx, not answered, or refused. */
  readonly failed: number;
  readonly seconds: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** How much of its time the load generator was busy, 0 to 1: near 1, it measures itself. */
  readonly utilization: number;
}
