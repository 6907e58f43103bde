import type { JsonObject } from '../shared/json.ts';
import type { Logger } from '../shared/logger.ts';

/** What makes an entry the same entry: the endpoint's name and Novita's task id. */
export interface EntryKey {
  readonly endpoint: string;
  readonly taskId: string;
}

/** An accepted event on its way into an inbox. Plain data: it survives JSON. */
export interface NewEntry extends EntryKey {
  /** The task's status; `''` where it is not a word. */
  readonly status: string;
  /** The payload as JSON text, with the token taken out. */
  readonly body: string;
  /** In what the payload does not fit the schema; `null` when it fits. */
  readonly schemaError: string | null;
  /** From the callback URL; empty without one. */
  readonly metadata: JsonObject;
  readonly testMode: boolean;
  /** Milliseconds since 1970. */
  readonly receivedAt: number;
}

/**
 * `pending`: waits for a worker, or for its next attempt. `running`: a worker holds its lease.
 * `done`: every handler succeeded. `dead`: a dead letter, kept but not attempted by itself.
 */
export type EntryState = 'pending' | 'running' | 'done' | 'dead';

/** An event in the inbox. */
export interface Entry extends NewEntry {
  readonly state: EntryState;
  /** Attempts begun in the present series; a replay begins another series. */
  readonly attempts: number;
  /** Names of the handlers that have succeeded; they are not run again on a retry. */
  readonly succeededHandlers: readonly string[];
  /** Why the last attempt failed. */
  readonly reason: string | null;
  /** When it may be claimed next (pending) or its lease ends (running). Milliseconds since 1970. */
  readonly dueAt: number | null;
  /** When it became done or dead. Milliseconds since 1970. */
  readonly finishedAt: number | null;
}

/**
 * What came of an attempt. Delays are relative, since the store owns the clock of its leases.
 * `handled` is added to what the entry has: a transaction may have committed without the attempt
 * hearing of it.
 */
export type Outcome =
  | { readonly type: 'done' }
  | {
      readonly type: 'retry';
      readonly delayMs: number;
      readonly reason: string;
      readonly succeededHandlers: readonly string[];
    }
  | {
      readonly type: 'dead';
      readonly reason: string;
      readonly succeededHandlers: readonly string[];
    }
  /** Given back unfinished, through no fault of the entry: does not count as an attempt. */
  | {
      readonly type: 'released';
      readonly delayMs: number;
      readonly succeededHandlers: readonly string[];
    };

/**
 * Runs `work` in a transaction on the inbox's database, which also records that `handler` has
 * succeeded with the entry of this attempt. See {@link Store.transaction}.
 */
export type RunInTransaction<Tx = unknown> = <T>(
  handler: string,
  work: (tx: Tx) => T | Promise<T>,
) => Promise<T>;

/**
 * One attempt on an entry. Never rejects: whatever handlers do ends as an outcome. Is given
 * `transact` by inboxes that are transactional.
 */
export type EntryProcessor<Tx = unknown> = (
  entry: Entry,
  signal: AbortSignal,
  transact?: RunInTransaction<Tx>,
) => Promise<Outcome>;

/** How an inbox is consumed. */
export interface ConsumeOptions {
  /** Only entries of this endpoint are claimed: others have other handlers. */
  readonly endpoint: string;
  /** Entries attempted at the same time. */
  readonly concurrency: number;
  readonly log: Logger;
  /** Called after an outcome was committed. */
  readonly onSettled: (entry: Entry, outcome: Outcome) => void;
}

/** An inbox being consumed. */
export interface Consumer {
  /**
   * Claims nothing more, waits up to `gracePeriodMs` for what runs, aborts the rest through its signal
   * and gives the leases back.
   */
  stop(options: { readonly gracePeriodMs: number }): Promise<void>;
}

/** What can be relied on. Declared by the implementation, and tested. */
export interface InboxCapabilities {
  /** What was added survives the death of the process. */
  readonly durable: boolean;
  /** Several processes may add to and consume from it. */
  readonly shared: boolean;
  /** Handlers can write to its database through `context.transaction`. */
  readonly transactional: boolean;
  /**
   * Only `add`, `open` and `close` work; other processes handle what comes out of the queue, with
   * `receiver.process()`. See `addOnlyInbox`.
   */
  readonly addOnly?: boolean;
}

/** Which entries to list. */
export interface EntryQuery {
  readonly endpoint?: string | undefined;
  readonly state?: EntryState | undefined;
  /** Entries per page, 1 to 1000; default 100. */
  readonly limit?: number | undefined;
  /** `cursor` of the page before. */
  readonly cursor?: string | undefined;
}

/** Entries, the latest arrival first. */
export interface EntryPage {
  readonly entries: readonly Entry[];
  /** For the next page; `null` on the last. */
  readonly cursor: string | null;
}

/** Entries by state, and how far the work is behind. */
export interface InboxStats extends Readonly<Record<EntryState, number>> {
  /** How long the oldest entry that is due has been waiting, in milliseconds; 0 when none is. */
  readonly lagMs: number;
}

/** What operators do with entries. The same for an inbox and a store. */
export interface EntryAdmin {
  list(query?: EntryQuery): Promise<EntryPage>;
  get(key: EntryKey): Promise<Entry | undefined>;
  /**
   * Gives a done or dead entry a fresh series of attempts. After `done` every handler runs again;
   * after `dead` only those that had not succeeded.
   *
   * @returns whether there was such an entry
   */
  replay(key: EntryKey): Promise<boolean>;
  /** Forgets an entry that is not running, and with it that its task was seen. */
  discard(key: EntryKey): Promise<boolean>;
  stats(): Promise<InboxStats>;
  close(): Promise<void>;
}

/** Where accepted events stay until they are handled. `Tx`: what its transactions hand to handlers. */
export interface Inbox<Tx = unknown> extends EntryAdmin {
  readonly capabilities: InboxCapabilities;
  /**
   * Called once by every receiver that uses the inbox, before anything else: time to connect, and to
   * log what its operators should know. Returns at once and never throws.
   */
  open?(log: Logger): void;
  /**
   * Keeps an entry, atomically: of any number of concurrent calls with one key exactly one is told
   * `added`. Resolves only when the entry is kept. An entry that drifted from the schema gives way
   * to one with the same key that fits: it must not stand in the way of the real result.
   *
   * @throws WebhookError `inbox_full`; any other error counts as "not available"
   */
  add(entry: NewEntry): Promise<'added' | 'duplicate'>;
  /** Makes a pending entry due now. Only inboxes that have it can be used with `ack: 'handled'`. */
  promote?(key: EntryKey): Promise<void>;
  consume(run: EntryProcessor<Tx>, options: ConsumeOptions): Consumer;
  /**
   * Attempts one pending entry now, due or not; `undefined` when it is not pending. For runtimes
   * that may stop after the answer, and in which nothing may outlive the request that began it.
   */
  attempt?(
    key: EntryKey,
    run: EntryProcessor<Tx>,
    options: AttemptOptions,
  ): Promise<AttemptHandle | undefined>;
}

/** How a single entry is attempted. */
export type AttemptOptions = Pick<ConsumeOptions, 'log' | 'onSettled'>;

/** One entry being attempted. */
export interface AttemptHandle extends Consumer {
  /** Resolves when it has been settled or given back. */
  readonly finished: Promise<void>;
}

/** The right to settle: what a claim hands out and a later claim of the same entry invalidates. */
export interface ClaimRef extends EntryKey {
  readonly fencingToken: string;
}

/** An entry together with the right to settle it. */
export type Claim = Entry & ClaimRef;

/** How long entries are kept after they were settled. */
export interface Retention {
  /** How long done entries are kept, in milliseconds: the deduplication window. */
  readonly doneMs: number;
  /** How long dead letters are kept, in milliseconds. */
  readonly deadMs: number;
}

/**
 * The narrow port under `pollingInbox`: a table with a clock. Every call is atomic. Leases and due
 * times are read against the store's own clock only. `Tx`: what its transactions hand to handlers.
 */
export interface Store<Tx = unknown> extends EntryAdmin {
  readonly capabilities: InboxCapabilities;
  /** See {@link Inbox.open}. */
  open?(log: Logger): void;
  /** See {@link Inbox.add}. */
  add(entry: NewEntry): Promise<'added' | 'duplicate'>;
  /** See {@link Inbox.promote}. */
  promote?(key: EntryKey): Promise<void>;
  /**
   * Leases out up to `limit` entries of an endpoint: pending and due, the longest due first, or
   * running with a lease that ended. Each begins an attempt and carries a fence never used before.
   */
  claim(endpoint: string, limit: number, leaseDurationMs: number): Promise<Claim[]>;
  /** Leases out one pending entry, due or not. See {@link Inbox.attempt}. */
  claimOne?(key: EntryKey, leaseDurationMs: number): Promise<Claim | undefined>;
  /** Makes a lease end `leaseDurationMs` from now. `false`: the fence is no longer valid. */
  extend(claimRef: ClaimRef, leaseDurationMs: number): Promise<boolean>;
  /**
   * Records an outcome. `false`: the fence is no longer valid, and nothing was changed. Names in
   * `handled` are added to those that the entry has: within a series none is taken away.
   */
  settle(claimRef: ClaimRef, outcome: Outcome): Promise<boolean>;
  /**
   * In one transaction: checks the fence, runs `work`, adds `handler` to what the entry has as
   * handled, and commits. The fence stays valid: the entry runs on, and is to be settled as ever.
   * Commits only while the fence is valid. When `work` throws nothing is kept, and its error is
   * passed on as it is. Stores that have this say so in `capabilities.transactional`.
   *
   * @throws WebhookError `lease_lost` when the fence is no longer valid; nothing is kept then, and
   * if it was so from the start, `work` is not run
   */
  transaction?<T>(
    claimRef: ClaimRef,
    handler: string,
    work: (tx: Tx) => T | Promise<T>,
  ): Promise<T>;
  /**
   * Calls `heard` when another process may have made something due at an endpoint, until the
   * function that it returns is called. Best effort: polling finds what is not heard of.
   */
  subscribe?(endpoint: string, heard: () => void): () => void;
  /** Milliseconds until `claim` may find something; `null` when nothing is waiting. */
  nextDueMs(endpoint: string): Promise<number | null>;
  /** Forgets what is older than its retention, some at a time. Returns how many went. */
  deleteExpired(retention: Retention): Promise<number>;
}
