import type { EngineName } from '../engines/engine.ts';

/** The framework in front of the receiver. */
export type Framework = 'express' | 'fastify' | 'node:http';

/**
 * The inbox under test. `sqlite`: the package. `full-sync`: the package on a connection whose commits
 * sync. `thread`: the same in a worker thread.
 */
export type InboxName = EngineName | 'full-sync' | 'thread';

export interface ServerOptions {
  readonly framework: Framework;
  readonly inbox: InboxName;
  /** A file, a schema or a key prefix. */
  readonly location: string;
  /** Maximum number of entries that are handled at the same time. */
  readonly concurrency: number;
}

/** A request to the server process. */
export type ServerRequest =
  | { readonly type: 'start'; readonly options: ServerOptions }
  /** Restarts the measurement of the event loop. */
  | { readonly type: 'watch' }
  | { readonly type: 'read' }
  /** Resolves when all entries are handled, or after 2 minutes. */
  | { readonly type: 'drain' }
  | { readonly type: 'stop' };

/** The reply to every request. */
export interface ServerReply {
  /** The callback URL. */
  readonly url: string;
  /** Number of handlers that have ended since the start. */
  readonly handled: number;
  /** Number of entries that are not done. */
  readonly unfinished: number;
  readonly done: number;
  readonly eventLoop: EventLoopFigures;
}

/** The event loop since the last `watch` request. */
export interface EventLoopFigures {
  /** Delay of timers, in milliseconds. */
  readonly delayP99: number;
  readonly delayMax: number;
  /** Share of the time in which the event loop was busy, 0 to 1. */
  readonly utilization: number;
  /** CPU time of the process, in milliseconds. */
  readonly cpuMs: number;
  readonly rssBytes: number;
}
