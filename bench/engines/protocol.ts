import type { EngineName } from '../lib/engines/engine.ts';

/** What a process is asked to do. */
export type EngineQuestion =
  | OpenQuestion
  | AddQuestion
  /** Adds so many events, 50 at a time. */
  | { readonly type: 'fill'; readonly entries: number }
  | TrickleQuestion
  /** Begins to handle. */
  | { readonly type: 'work' }
  | { readonly type: 'read' }
  /** Which handlers have run, and when: since the last time this was asked. */
  | { readonly type: 'starts' }
  /** Asks the inbox, which costs it something. */
  | { readonly type: 'count' }
  | { readonly type: 'close' };

export interface OpenQuestion {
  readonly type: 'open';
  readonly engine: EngineName;
  readonly location: string;
  /** Takes events, handles them, or both where they cannot be apart. */
  readonly role: 'web' | 'worker' | 'both';
  /** Entries handled at the same time. */
  readonly concurrency: number;
}

export interface AddQuestion {
  readonly type: 'add';
  readonly how: 'inbox' | 'plain';
  /** Each adds its next event when it has the answer to the last one. */
  readonly callers: number;
  readonly seconds: number;
}

/** One event at a time, at random gaps. */
export interface TrickleQuestion {
  readonly type: 'trickle';
  readonly events: number;
  readonly leastMs: number;
  readonly mostMs: number;
}

/** What every question is answered with; what was not asked for is empty. */
export interface EngineAnswer {
  readonly added: Added;
  /** Handlers that have begun, since the process began. */
  readonly handled: number;
  /** Of `starts`: one for each of them. */
  readonly starts: readonly Moment[];
  /** Of `trickle`. */
  readonly calls: readonly (Moment & { readonly answeredAt: number })[];
  /** Not done yet. */
  readonly open: number;
  /** In the plain table or queue. */
  readonly plain: number;
  /** Processor time of this process until now, in milliseconds. */
  readonly cpuMs: number;
}

/** A task, and a time by the clock that all processes of a machine share, in milliseconds. */
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
