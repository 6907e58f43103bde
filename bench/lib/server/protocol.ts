import type { EngineName } from '../engines/engine.ts';

/** The framework in front of the receiver. */
export const FRAMEWORKS = ['express', 'fastify', 'node:http'] as const;
export type Framework = (typeof FRAMEWORKS)[number];

/**
 * Where events are kept. `sqlite`: the package as it is. `full`: the package on a connection whose
 * commits sync. `thread`: that one in a thread of its own.
 */
export type Subject = EngineName | 'full' | 'thread';

export interface ServerOptions {
  readonly framework: Framework;
  readonly subject: Subject;
  /** Of the inbox: a file, a schema, a key prefix. */
  readonly path: string;
  /** Entries handled at the same time. */
  readonly concurrency: number;
}

/** What a server is asked to do. */
export type ServerQuestion =
  | { readonly type: 'start'; readonly options: ServerOptions }
  /** Begins to measure the event loop. */
  | { readonly type: 'watch' }
  | { readonly type: 'read' }
  /** Resolves when everything is handled; gives up after a while. */
  | { readonly type: 'drain' }
  | { readonly type: 'stop' };

/** What every question is answered with. */
export interface ServerAnswer {
  /** Where to deliver; with a token. */
  readonly url: string;
  /** Entries whose handlers have run to their end, since the start. */
  readonly handled: number;
  /** Entries that are not done, and those that are. */
  readonly open: number;
  readonly done: number;
  readonly loop: LoopFigures;
}

/** The event loop since the last `watch`. */
export interface LoopFigures {
  /** How late a timer was, in milliseconds. */
  readonly delayP99: number;
  readonly delayMax: number;
  /** Share of the time in which the event loop was not idle, 0 to 1. */
  readonly utilization: number;
  /** Processor time of the whole process, in milliseconds. */
  readonly cpuMs: number;
  readonly rssBytes: number;
}
