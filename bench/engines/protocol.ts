import type { EngineName } from '../lib/engines/engine.ts';

/** A request to an inbox process. */
export type InboxRequest =
  | OpenRequest
  | AddRequest
  /** Adds events, 50 at a time. */
  | { readonly type: 'fill'; readonly entries: number }
  | TrickleRequest
  /** Starts the receiver. */
  | { readonly type: 'start' }
  | { readonly type: 'read' }
  /** Returns the handler runs since the last `starts` request. */
  | { readonly type: 'starts' }
  /** Counts entries in the inbox. This costs the engine CPU time. */
  | { readonly type: 'count' }
  | { readonly type: 'close' };

export interface OpenRequest {
  readonly type: 'open';
  readonly engine: EngineName;
  readonly location: string;
  /** `web` adds events, `worker` handles them. */
  readonly role: 'web' | 'worker' | 'both';
  /** Maximum number of entries that are handled at the same time. */
  readonly concurrency: number;
}

export interface AddRequest {
  readonly type: 'add';
  /** The inbox, or the engine's own client. */
  readonly client: 'inbox' | 'plain';
  /** Each adds its next event after the result of the last one. */
  readonly callers: number;
  readonly seconds: number;
}

/** Adds one event at a time, with random gaps. */
export interface TrickleRequest {
  readonly type: 'trickle';
  readonly events: number;
  readonly minGapMs: number;
  readonly maxGapMs: number;
}

/** The reply to every request. Fields of other requests are empty. */
export interface InboxReply {
  readonly added: Added;
  /** Number of handler runs since the start of the process. */
  readonly handled: number;
  /** For `starts`: one for each handler run. */
  readonly starts: readonly Moment[];
  /** For `trickle`. */
  readonly calls: readonly (Moment & { readonly resolvedAt: number })[];
  /** For `count`: entries that are not done. */
  readonly unfinished: number;
  /** For `count`: entries in the table or queue of the engine's own client. */
  readonly plain: number;
  /** CPU time of this process so far, in milliseconds. */
  readonly cpuMs: number;
}

/** A task and a time on the monotonic clock that all processes of a machine share. */
export interface Moment {
  readonly taskId: string;
  readonly at: number;
}

/** Latencies are in milliseconds. */
export interface Added {
  readonly count: number;
  readonly seconds: number;
  readonly p50: number;
  readonly p99: number;
}
