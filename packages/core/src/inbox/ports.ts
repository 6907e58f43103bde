import type { Logger } from '../shared/logger.ts';
import type { Entry, EntryKey, NewEntry, Outcome } from './entry.ts';
import type {
  EntryAdmin,
  EntryPage,
  EntryQuery,
  InboxStats,
  ReplayHandlers,
} from './entry-admin.ts';

export type * from './entry.ts';
export type * from './entry-admin.ts';

/**
 * Runs `work` in a transaction on the inbox's database, which also records that `handler` has
 * succeeded with the entry of this attempt. See {@link Store.transaction}.
 */
export type RunInTransaction<Tx = unknown> = <T>(
  handler: string,
  work: (tx: Tx) => T | Promise<T>,
) => Promise<T>;

/**
 * One attempt on an entry. Never rejects: every error of a handler becomes an outcome. Inboxes with
 * transactions pass `runInTransaction`.
 */
export type EntryProcessor<Tx = unknown> = (
  entry: Entry & Pick<Claim, 'isTakeover'>,
  signal: AbortSignal,
  runInTransaction?: RunInTransaction<Tx>,
) => Promise<Outcome>;

/** How a consumer claims and settles entries. */
export interface ConsumeOptions {
  /** Only entries of this endpoint are claimed. */
  readonly endpoint: string;
  /** Entries attempted at the same time. */
  readonly concurrency: number;
  readonly log: Logger;
  /** Called after an outcome was recorded. */
  readonly onSettled: (entry: Entry, outcome: Outcome) => void;
}

/** A running consumer of an inbox. */
export interface Consumer {
  /**
   * Claims nothing more, waits up to `gracePeriodMs` for what runs, aborts the rest through its signal
   * and gives the leases back.
   */
  stop(options: { readonly gracePeriodMs: number }): Promise<void>;
}

/**
 * What `add` did. `other_task`: nothing, because the token of the entry belongs to another task. Only an
 * inbox with the capability `bindsTokens` returns it.
 */
export type AddAnswer = 'added' | 'duplicate' | 'other_task';

/** What an inbox guarantees. The contract tests hold it to what it declares. */
export interface InboxCapabilities {
  /** Added entries survive the end of the process. */
  readonly durable: boolean;
  /** Several processes may add to and consume from it. */
  readonly shared: boolean;
  /** Handlers can write to its database through `context.transaction`. */
  readonly transactional: boolean;
  /**
   * Only `add`, `open` and `close` work. Other processes take the entries from a foreign queue and
   * call `receiver.processEntry()`. See `addOnlyInbox`.
   */
  readonly addOnly?: boolean;
  /** A running entry is taken over in two steps and claimed alone. See `Store.claim`. */
  readonly confirmsTakeover?: boolean;
  /** `import` works: the store has `restoreEntries`. */
  readonly imports?: boolean;
  /** Of all entries of an endpoint, only one has a certain bound token. See {@link Inbox.add}. */
  readonly bindsTokens?: boolean;
  /** Due times and retention do not change when the clock of the machine is set. */
  readonly steadyTime?: boolean;
}

/** Keeps accepted events until they are handled. `Tx`: what handlers get in a transaction. */
export interface Inbox<Tx = unknown> extends EntryAdmin {
  readonly capabilities: InboxCapabilities;
  /** For logs, for example `inbox-postgres`. */
  readonly name?: string;
  /**
   * Called once by every receiver that uses the inbox, before any other method, with the logger for
   * warnings to operators. Must not connect: a program may only mint callback URLs. The inbox connects
   * at its first use. Returns at once and never throws.
   */
  open?(log: Logger): void;
  /**
   * Stores an entry atomically: of any number of concurrent calls with one key, exactly one returns
   * `added`. Resolves only after the entry is stored. An entry with a schema error is replaced by one
   * with the same key that fits the schema, so that it cannot block the real result.
   * What was given with an expectation stays with its result: see `inheritExpectation`.
   *
   * Returns `other_task`, and keeps nothing, if the token of the entry belongs to another task: another
   * entry of the endpoint has the same bound token (`isBoundToken`), or the entry would take the place
   * of an expectation with another token (`hasForeignToken`). A copy of a stored event stays a duplicate.
   *
   * @throws WebhookError `inbox_full`; any other error means that the inbox is unavailable
   */
  add(entry: NewEntry): Promise<AddAnswer>;
  /** Makes a pending entry due now. `ack: 'handled'` requires it. */
  promote?(key: EntryKey): Promise<void>;
  consume(run: EntryProcessor<Tx>, options: ConsumeOptions): Consumer;
  /**
   * Attempts one pending entry now, due or not; `undefined` if it is not pending. For runtimes that
   * may stop after the reply, where no work may outlive its request.
   */
  attempt?(
    key: EntryKey,
    run: EntryProcessor<Tx>,
    options: AttemptOptions,
  ): Promise<AttemptHandle | undefined>;
}

/** Options of an attempt on a single entry. */
export type AttemptOptions = Pick<ConsumeOptions, 'log' | 'onSettled'>;

/** A running attempt on a single entry. */
export interface AttemptHandle extends Consumer {
  /** Resolves when the attempt was settled or its lease released. */
  readonly finished: Promise<void>;
}

/**
 * An entry to act on. With `replays` and `finishedAt`, as a listed entry has them, only if they are
 * unchanged: the entry was not replayed and did not finish meanwhile.
 */
export type EntryTarget = EntryKey & Partial<Pick<Entry, 'replays' | 'finishedAt'>>;

/** How a store replays entries. */
export interface StoreReplayOptions extends ReplayHandlers {
  /** Replaces the body of the only target, which has no schema error then. */
  readonly body?: Pick<NewEntry, 'body' | 'status' | 'taskType'>;
}

/** Identifies a claim. A later claim of the same entry invalidates its fencing token. */
export interface ClaimRef extends EntryKey {
  readonly fencingToken: string;
}

/** A claimed entry. */
export interface Claim extends Entry, ClaimRef {
  /**
   * Whether the previous attempt was never settled: its lease expired. It may have crashed its
   * process, so a worker runs nothing beside this claim. Default: unknown.
   */
  readonly isTakeover?: boolean;
}

/** How long finished entries are kept. */
export interface Retention {
  /** Milliseconds that done entries are kept: the deduplication window. */
  readonly doneMs: number;
  /** Milliseconds that dead letters are kept. */
  readonly deadMs: number;
}

/**
 * The narrow port under `pollingInbox`: a table with a clock. Every call is atomic. Leases and due
 * times follow the store's own clock only. A store in the memory of the process may answer at once,
 * without a promise. `Tx`: what handlers get in a transaction.
 */
export interface Store<Tx = unknown> {
  readonly capabilities: InboxCapabilities;
  /** See {@link Inbox.name}. */
  readonly name?: string;
  /** See {@link Inbox.open}. */
  open?(log: Logger): void;
  /** See {@link Inbox.add}. */
  add(entry: NewEntry): AddAnswer | Promise<AddAnswer>;
  /** See {@link Inbox.promote}. */
  promote?(key: EntryKey): Promise<void>;
  /**
   * Claims up to `limit` entries of an endpoint that are pending and due, or running with an expired
   * lease; the longest due first, then in the order of arrival. Each claim starts an attempt and has a new fencing token. May return
   * fewer entries than are due; `nextDueMs` tells.
   *
   * If the store declares `confirmsTakeover`, a running entry is taken over in two steps. The claim that finds its lease expired gives the
   * holder another `leaseDurationMs / 2`, in which at least one heartbeat is due. If the lease was not
   * extended by then, a later claim returns the entry, alone and as `isTakeover`.
   */
  claim(endpoint: string, limit: number, leaseDurationMs: number): Claim[] | Promise<Claim[]>;
  /** Claims one pending entry, due or not. See {@link Inbox.attempt}. */
  claimOne?(key: EntryKey, leaseDurationMs: number): Claim | undefined | Promise<Claim | undefined>;
  /** Makes a lease expire `leaseDurationMs` from now. `false`: the fencing token is invalid. */
  extend(claimRef: ClaimRef, leaseDurationMs: number): boolean | Promise<boolean>;
  /**
   * Records an outcome. `false`: the fencing token is invalid, and nothing was changed. The store adds
   * `succeededHandlers` to those of the entry: within a series no name is removed.
   */
  settle(claimRef: ClaimRef, outcome: Outcome): boolean | Promise<boolean>;
  /**
   * Adds names to the succeeded handlers of an entry, also if the fencing token is no longer valid, so
   * that they do not run again. Changes nothing else. Without this method, a success whose settle is
   * refused is lost.
   *
   * @returns `false` if the entry is another event or in a later series of attempts than the claim;
   * nothing was changed then
   */
  recordSucceeded?(
    claimRef: ClaimRef,
    succeededHandlers: readonly string[],
  ): boolean | Promise<boolean>;
  /**
   * In one transaction: checks the fencing token, runs `work`, adds `handler` to the succeeded
   * handlers of the entry, and commits. The token stays valid, and the entry still has to be settled.
   * Commits only while the token is valid. If `work` throws, nothing is kept, and the promise rejects
   * with that error. A store with this method declares `capabilities.transactional`.
   *
   * @throws WebhookError `lease_lost` if the fencing token is invalid. Nothing is kept then. If it was
   * invalid from the start, `work` does not run.
   */
  transaction?<T>(
    claimRef: ClaimRef,
    handler: string,
    work: (tx: Tx) => T | Promise<T>,
  ): Promise<T>;
  /**
   * Calls `onDue` when another process may have made an entry of the endpoint due, until the returned
   * function is called. Best effort: polling finds entries without a notification.
   */
  subscribe?(endpoint: string, onDue: () => void): () => void;
  /** Milliseconds until `claim` may find an entry; `null` if no entry waits. */
  nextDueMs(endpoint: string): number | null | Promise<number | null>;
  /** Deletes entries past their retention, in batches. Returns how many were deleted. */
  deleteExpired(retention: Retention): Promise<number>;
  /**
   * Lists entries. A store that cannot search walks its entries in the order of arrival and passes them
   * to `scanEntries`, which applies the filters.
   */
  list(query?: EntryQuery): Promise<EntryPage>;
  /** See {@link EntryAdmin.get}. */
  get(key: EntryKey): Promise<Entry | undefined>;
  /**
   * Replays done and dead entries. See {@link EntryAdmin.replay}.
   *
   * @returns how many were replayed
   */
  replayEntries(targets: readonly EntryTarget[], options?: StoreReplayOptions): Promise<number>;
  /**
   * Deletes entries that are not running.
   *
   * @returns how many were deleted
   */
  discardEntries(targets: readonly EntryTarget[]): Promise<number>;
  /**
   * Adds entries with their state, unless their key exists. A running entry becomes pending.
   *
   * @returns how many were added
   */
  restoreEntries?(entries: readonly Entry[]): Promise<number>;
  stats(): Promise<InboxStats>;
  close(): Promise<void>;
}

/** The part of a store that operators need. See `createEntryAdmin`. */
export type EntryTable = Pick<
  Store,
  | 'name'
  | 'list'
  | 'get'
  | 'replayEntries'
  | 'discardEntries'
  | 'restoreEntries'
  | 'stats'
  | 'close'
>;
