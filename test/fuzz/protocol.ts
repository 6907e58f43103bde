// What a fuzzed server process and the process that fuzzes it tell each other.

/** The adapters that are fuzzed. */
export const ADAPTERS = ['node', 'express-4', 'express-5', 'fastify', 'koa', 'fetch'] as const;
export type Adapter = (typeof ADAPTERS)[number];

/** Faults that a server makes on purpose, to test whether a run finds them. */
export const FAULTS = ['echo', 'lose', 'crash', 'reject', 'status-500', 'leak', 'log'] as const;
export type Fault = (typeof FAULTS)[number];

export interface ServerOptions {
  readonly adapter: Adapter;
  readonly fault: Fault | null;
}

/** Bytes after a garbage collection. */
export interface Memory {
  readonly heap: number;
  readonly rss: number;
}

/** What a server knows of the inputs since its last report. */
export interface Report {
  readonly type: 'report';
  /** Ids of all entries. */
  readonly taskIds: readonly string[];
  /** Calls of `inbox.add` that answered `added`. */
  readonly added: number;
  /** Unhandled rejections, log lines with a value of a request. */
  readonly problems: readonly string[];
  readonly memory: Memory;
}

export type FromServer = { readonly type: 'listening'; readonly port: number } | Report;
