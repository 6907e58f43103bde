import type { JsonObject } from '../shared/json.ts';
import type { Logger } from '../shared/logger.ts';

/** The idempotency key of an entry: the endpoint and Novita's task id. */
export interface EntryKey {
  readonly endpoint: string;
  readonly taskId: string;
}

/** An accepted event that an inbox is about to store. Plain JSON data. */
export interface NewEntry extends EntryKey {
  /** The task's status; `''` if it is not a word. */
  readonly status: string;
  /** The payload as JSON text, without the token. */
  readonly body: string;
  /** Why the payload does not fit the schema; `null` if it fits. */
  readonly schemaError: string | null;
  /** From the callback URL; empty without one. */
  readonly metadata: JsonObject;
  readonly testMode: boolean;
  /** Milliseconds since 1970. */
  readonly receivedAt: number;
  /**
   * Only for add-only inboxes: HMAC over the other fields with the receiver's secret.
   * `receiver.processEntry()` rejects an entry without it.
   */
  readonly mac?: string | undefined;
}

/**
 * `pending`: waits for a worker or for its next attempt. `running`: a worker holds its lease.
 * `done`: every handler succeeded. `dead`: a dead letter, which is not attempted unless replayed.
 */
export type EntryState = 'pending' | 'running' | 'done' | 'dead';

/** An event in the inbox. */
export interface Entry extends NewEntry {
  readonly state: EntryState;
  /** Attempts started in the current series. A replay starts a new series. */
  readonly attempts: number;
  /** Names of the handlers that have succeeded. A retry does not run them again. */
  readonly succeededHandlers: readonly string[];
  /** Why the last attempt failed. */
  readonly reason: string | null;
  /** When it can be claimed (pending) or its lease expires (running). Milliseconds since 1970. */
  readonly dueAt: number | null;
  /** When it became done or dead. Milliseconds since 1970. */
  readonly finishedAt: number | null;
  /**
   * What of the stored entry cannot be read, and was replaced by an empty value. A worker makes such an
   * entry a dead letter with this reason. See `parseStoredEntry`.
   */
  readonly damage?: string;
}

/**
 * The outcome of an attempt. Delays are relative because leases follow the store's clock. The store
 * adds `succeededHandlers` to those of the entry: a transaction may have committed although the
 * attempt did not learn of it.
 */
export type Outcome =
  | {
      readonly type: 'done';
      /** Only needed if the settle is refused. See `Store.recordSucceeded`. */
      readonly succeededHandlers?: readonly string[];
    }
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
  /** Unfinished, for a reason outside the entry. Does not count as an attempt. */
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
  /** Due times and retention do not change when the clock of the machine is set. */
  readonly steadyTime?: boolean;
}

/** Which entries to list. */
export interface EntryQuery {
  readonly endpoint?: string | undefined;
  readonly state?: EntryState | undefined;
  /** Entries per page, 1 to 1000; default 100. */
  readonly limit?: number | undefined;
  /** `cursor` of the previous page. */
  readonly cursor?: string | undefined;
}

/** Entries, the latest arrival first. */
export interface EntryPage {
  readonly entries: readonly Entry[];
  /** For the next page; `null` on the last. */
  readonly cursor: string | null;
}

/** Number of entries by state, and the lag of the workers. */
export interface InboxStats extends Readonly<Record<EntryState, number>> {
  /** Milliseconds since the longest waiting entry became due; 0 if none is due. */
  readonly lagMs: number;
}

/** The operations on single entries, the same for an inbox and a store. */
export interface EntryAdmin {
  list(query?: EntryQuery): Promise<EntryPage>;
  get(key: EntryKey): Promise<Entry | undefined>;
  /**
   * Starts a new series of attempts for a done or dead entry. After `done` every handler runs again;
   * after `dead` only the handlers that had not succeeded.
   *
   * @returns whether such an entry was found
   */
  replay(key: EntryKey): Promise<boolean>;
  /** Deletes an entry that is not running. A later event of its task counts as new. */
  discard(key: EntryKey): Promise<boolean>;
  stats(): Promise<InboxStats>;
  close(): Promise<void>;
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
   *
   * @throws WebhookError `inbox_full`; any other error means that the inbox is unavailable
   */
  add(entry: NewEntry): Promise<'added' | 'duplicate'>;
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
export interface Store<Tx = unknown> extends EntryAdmin {
  readonly capabilities: InboxCapabilities;
  /** See {@link Inbox.name}. */
  readonly name?: string;
  /** See {@link Inbox.open}. */
  open?(log: Logger): void;
  /** See {@link Inbox.add}. */
  add(entry: NewEntry): 'added' | 'duplicate' | Promise<'added' | 'duplicate'>;
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
}
