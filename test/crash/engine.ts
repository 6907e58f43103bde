import type { HandlerContext, Inbox } from '@novita-webhooks/core';

import type { KillPointName } from './kill-points.ts';
import type { Reach } from './kill-switch.ts';

/**
 * An inbox under test. To test another inbox, write a module with this shape and add it to
 * `engines/index.ts`. No other file depends on the engine.
 */
export interface Engine {
  /** The points at which a server process with this inbox can be killed. */
  readonly killPoints: readonly KillPointName[];
  /** Whether several processes can use one inbox. */
  readonly shared: boolean;
  /** Whether a clock that is set changes no due time. The clocks of all processes are set then. */
  readonly steadyTime: boolean;
  /** Prepares a place for a new inbox. Runs in the test process. */
  createPlace(folder: string, name: string): Promise<Place>;
  /** Opens the inbox. Runs in the server process. Calls `reach` at the kill points of the engine. */
  open(location: string, options: OpenOptions): Promise<OpenInbox>;
}

/** Where the inbox of one series is: a file, a schema, a key prefix. */
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
  /** Whether the inbox must call `reach`. If not, it is opened as users open it. */
  readonly watched: boolean;
}

export interface OpenInbox {
  readonly inbox: Inbox;
  /** For inboxes with transactions. */
  readonly ledger?: Ledger | undefined;
  /** Adds done entries that are past their retention, for `deleteExpired`. */
  addOld?(count: number): Promise<void>;
}

/** A table without a unique key: two writes for one task leave two rows. */
export interface Ledger {
  write(context: HandlerContext, server: string): Promise<void>;
  /** Resolves to the number of rows by task id. */
  count(): Promise<Readonly<Record<string, number>>>;
}
