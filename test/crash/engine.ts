import type { HandlerContext, Inbox } from '@novita-webhooks/core';

import type { PointName } from './kill-points.ts';
import type { Reach } from './kill-switch.ts';

/**
 * An inbox under test. To put another one to the test, write a module that has this shape and add
 * it to `engines/index.ts`; the rest knows nothing of what is behind it.
 */
export interface Engine {
  /** The points at which its victims can be killed. */
  readonly points: readonly PointName[];
  /** Whether several processes may have it open. */
  readonly shared: boolean;
  /** Makes room for a fresh inbox. Called by the process that kills. */
  createPlace(folder: string, name: string): Promise<Place>;
  /** Opens the inbox. Called in the victim, which calls `reach` at the points it knows. */
  open(location: string, options: OpenOptions): Promise<OpenInbox>;
}

/** Where one series keeps its inbox: a file, a schema, a key prefix. */
interface Place {
  readonly location: string;
  remove(): Promise<void>;
}

export interface OpenOptions {
  readonly leaseDurationMs: number;
  readonly pollIntervalMs: number;
  readonly cleanupIntervalMs: number;
  readonly retention: { readonly doneMs: number; readonly deadMs: number };
  readonly reach: Reach;
  /** Whether `reach` has to be called: if not, the inbox is opened as users open it. */
  readonly watched: boolean;
}

export interface OpenInbox {
  readonly inbox: Inbox;
  /** Rows that handlers write in the inbox's own transaction. */
  readonly ledger?: Ledger | undefined;
  /** Adds done entries that are past their retention, for a purge to find. */
  addOld?(count: number): Promise<void>;
}

/** A table without a unique key, so that what is written twice is there twice. */
export interface Ledger {
  write(context: HandlerContext, victim: string): Promise<void>;
  /** How many rows there are, by task id. */
  count(): Promise<Readonly<Record<string, number>>>;
}
