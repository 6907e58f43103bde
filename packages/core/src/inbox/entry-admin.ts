import type { JsonObject } from '../shared/json.ts';
import type { Entry, EntryKey, EntryState } from './entry.ts';

/** A time: a date, or milliseconds since 1970. */
export type Time = Date | number;

/** Which entries an operation is about: those that match every given filter. */
export interface EntryFilter {
  readonly endpoint?: string | undefined;
  /** Any of these states. */
  readonly states?: readonly EntryState[] | undefined;
  /** Such as `TXT_TO_IMG`. */
  readonly taskType?: string | undefined;
  /** Of the event, such as `TASK_STATUS_FAILED`. With `confirm`, handlers may have got another one. */
  readonly status?: string | undefined;
  /** Part of the reason. Case matters. */
  readonly reasonContains?: string | undefined;
  /** A group of {@link EntryAdmin.groups}. */
  readonly errorGroup?: string | undefined;
  /** Top-level members of the metadata and their values. */
  readonly metadata?: Readonly<Record<string, string | number | boolean | null>> | undefined;
  /** Received at that time or later. */
  readonly receivedFrom?: Time | undefined;
  /** Received before that time. */
  readonly receivedTo?: Time | undefined;
  /** Done or dead since that time. */
  readonly finishedFrom?: Time | undefined;
  /** Done or dead before that time. */
  readonly finishedTo?: Time | undefined;
  /** `true`: only entries with a schema error; `false`: only others. */
  readonly schemaErrors?: boolean | undefined;
  /** `true`: only test events; `false`: only others. */
  readonly testEvents?: boolean | undefined;
  /** Part of the task id. Case matters. */
  readonly taskIdContains?: string | undefined;
}

/** Which entries to list, and how. */
export interface EntryQuery extends EntryFilter {
  /** By arrival; default `newest` first. */
  readonly order?: 'newest' | 'oldest' | undefined;
  /** Entries per page, 1 to 1000; default 100. */
  readonly limit?: number | undefined;
  /** `cursor` of the previous page. */
  readonly cursor?: string | undefined;
  /** `false`: `body` of the entries is `''` and `originalBody` is `null`, which costs less. Default `true`. */
  readonly bodies?: boolean | undefined;
}

/** Entries in the order of their arrival. */
export interface EntryPage {
  /** May be fewer than `limit` although more pages follow: the work for one page is bounded. */
  readonly entries: readonly Entry[];
  /** For the next page; `null` on the last. */
  readonly cursor: string | null;
  /** How many entries were examined at most. */
  readonly scanned: number;
  /** Time of the store when the page was read, in milliseconds since 1970. */
  readonly readAt: number;
}

/** Number of entries by state, and the lag of the workers. */
export interface InboxStats extends Readonly<Record<Exclude<EntryState, 'expected'>, number>> {
  /** `null` if the store cannot count them: then they are among the pending ones. */
  readonly expected: number | null;
  /** Milliseconds since the longest waiting entry became due; 0 if none is due. */
  readonly lagMs: number;
}

/** Failures with the same error, apart from numbers, ids and addresses in it. */
export interface EntryGroup {
  /** For {@link EntryFilter.errorGroup}. */
  readonly errorGroup: string;
  readonly count: number;
  /** When the first and the last of them finished, or arrived if unfinished. Milliseconds since 1970. */
  readonly firstAt: number;
  readonly lastAt: number;
  readonly example: EntryKey & { readonly reason: string };
}

/** Groups of failures, the largest first. */
export interface EntryGroups {
  readonly groups: readonly EntryGroup[];
  readonly scanned: number;
  /** If more entries match than one call examines: for another call; otherwise `null`. */
  readonly cursor: string | null;
}

/** How to replay one entry. */
export interface ReplayOptions extends ReplayHandlers {
  /**
   * Replaces the payload, for example after Novita changed its format. An object or JSON text; the first
   * body is kept as `originalBody`.
   */
  readonly body?: string | JsonObject | undefined;
}

/** Which handlers a replay runs. */
export interface ReplayHandlers {
  /**
   * Only these handlers run, also if they had succeeded: by their `handlerName`, or without one as
   * `describeHandlerName` names them, such as `onTaskSucceeded #1`. Default: see `replay`.
   */
  readonly handlers?: readonly string[] | undefined;
}

/** How to act on all entries that match. */
export interface BulkOptions<Result> {
  /** Maximum number of entries; default: all that match. */
  readonly limit?: number | undefined;
  /** Continues an earlier call: the `cursor` of its result, or of `onProgress` if it was interrupted. */
  readonly cursor?: string | undefined;
  /** Called before the first batch and after each. Save the `cursor` to resume after a crash. */
  readonly onProgress?: ((result: Result) => void | Promise<void>) | undefined;
  /** Ends the call after the current batch. */
  readonly signal?: AbortSignal | undefined;
}

interface BulkResult {
  /** Entries that matched. */
  readonly matched: number;
  /** Of these, entries on which nothing was done: they are running, or changed meanwhile. */
  readonly skipped: number;
  /** For the entries after these; `null` if none is left. */
  readonly cursor: string | null;
}

/** Result of `replayMany`. */
export interface ReplayManyResult extends BulkResult {
  readonly replayed: number;
}

/** Result of `discardMany`. */
export interface DiscardManyResult extends BulkResult {
  readonly discarded: number;
}

/** Result of `import`. */
export interface ImportResult {
  readonly added: number;
  /** Entries whose key the inbox had. They were not changed. */
  readonly duplicates: number;
}

/** What operators do with the entries of an inbox. Wrong arguments reject with `invalid_argument`. */
export interface EntryAdmin {
  list(query?: EntryQuery): Promise<EntryPage>;
  get(key: EntryKey): Promise<Entry | undefined>;
  /**
   * Groups failures by their error.
   *
   * @example
   * const { groups } = await inbox.groups({ states: ['dead'] });
   * await inbox.replayMany({ states: ['dead'], errorGroup: groups[0]?.errorGroup });
   */
  groups(query?: EntryFilter & Pick<EntryQuery, 'cursor'>): Promise<EntryGroups>;
  /**
   * Starts a new series of attempts for a done or dead entry. After `done` every handler runs again;
   * after `dead` only the handlers that had not succeeded.
   *
   * @returns whether such an entry was found
   */
  replay(key: EntryKey, options?: ReplayOptions): Promise<boolean>;
  /**
   * Replays all done and dead entries that match, and no other. Pending and running ones are skipped.
   * Works in batches, the newest first. Each entry is replayed at most once, also if the call is resumed
   * by its cursor: an entry that finished after the first call began does not match.
   *
   * @example
   * const { replayed, skipped } = await inbox.replayMany({ states: ['dead'], taskType: 'TXT_TO_IMG' });
   */
  replayMany(
    filter: EntryFilter,
    options?: BulkOptions<ReplayManyResult> & ReplayHandlers,
  ): Promise<ReplayManyResult>;
  /** Deletes an entry that is not running. A later event of its task counts as new. */
  discard(key: EntryKey): Promise<boolean>;
  /** Deletes all entries that match and are not running, and no other. Otherwise like `replayMany`. */
  discardMany(
    filter: EntryFilter,
    options?: BulkOptions<DiscardManyResult>,
  ): Promise<DiscardManyResult>;
  /**
   * Yields the entries as lines of JSON (NDJSON), the oldest first. Stop the workers before you move
   * entries: an inbox does not know that another one has them.
   *
   * @example
   * for await (const line of inbox.export()) file.write(line);
   */
  export(filter?: EntryFilter): AsyncIterable<string>;
  /**
   * Adds exported entries with their state, attempts and dead letters. A running entry becomes pending.
   * May be repeated: entries that the inbox has are not changed.
   *
   * @param lines lines of JSON, for example of `node:readline`
   * @throws WebhookError `invalid_argument` names the line that is no entry; those before it are added.
   * `not_supported` if the store has no `restoreEntries`
   * @example
   * await target.import(source.export());
   */
  import(lines: Iterable<string> | AsyncIterable<string>): Promise<ImportResult>;
  stats(): Promise<InboxStats>;
  close(): Promise<void>;
}
