import type { JsonObject } from '../shared/json.ts';

/** The idempotency key of an entry: the endpoint and Novita's task id. */
export interface EntryKey {
  readonly endpoint: string;
  readonly taskId: string;
}

/** An accepted event that an inbox is about to store. Plain JSON data. */
export interface NewEntry extends EntryKey {
  /**
   * The task's status as the event says it; `''` if it is not a word. With `confirm`, handlers get that of
   * the Task Result API. If it is another one, the log of attempts has both, with the code `disagreement`.
   */
  readonly status: string;
  /** The task's type, such as `TXT_TO_IMG`; `''` if it is not a word. */
  readonly taskType: string;
  /** The payload as JSON text, without the token. */
  readonly body: string;
  /** Why the payload does not fit the schema; `null` if it fits. */
  readonly schemaError: string | null;
  /** From the callback URL; empty without one. */
  readonly metadata: JsonObject;
  readonly testMode: boolean;
  /** Milliseconds since 1970. */
  readonly receivedAt: number;
  /** How it came. */
  readonly source: EntrySource;
  /** W3C trace context of the delivery, for spans of the attempts. */
  readonly traceparent: string | null;
  /** Identifies the token of the callback URL; `null` without one. */
  readonly tokenId: string | null;
  /**
   * Only for add-only inboxes: HMAC with the receiver's secret over the fields that handlers get.
   * `receiver.processEntry()` rejects an entry without it.
   */
  readonly mac?: string | undefined;
}

/**
 * How an entry came. `delivery`: Novita sent the event. `sweep`: the Task Result API was asked for it.
 * `expectation`: the task was submitted, and there is no result yet.
 */
export type EntrySource = 'delivery' | 'sweep' | 'expectation';

/**
 * `expected`: the result of a submitted task is awaited. `pending`: waits for a worker or for its next attempt. `running`: a worker holds its lease.
 * `done`: every handler succeeded. `dead`: a dead letter, which is not attempted unless replayed.
 */
export type EntryState = 'expected' | 'pending' | 'running' | 'done' | 'dead';

/** An event in the inbox. */
export interface Entry extends NewEntry {
  readonly state: EntryState;
  /** Attempts started in the current series. A replay starts a new series. */
  readonly attempts: number;
  /** Names of the handlers that have succeeded. A retry does not run them again. */
  readonly succeededHandlers: readonly string[];
  /** Why the last attempt failed, or why the entry waits. */
  readonly reason: string | null;
  /** When it can be claimed (pending) or its lease expires (running). Milliseconds since 1970. */
  readonly dueAt: number | null;
  /** When it became done or dead. Milliseconds since 1970. */
  readonly finishedAt: number | null;
  /** Number of replays. */
  readonly replays: number;
  /** Set by a replay that named handlers; `null`: all handlers run in this series. */
  readonly partialReplay: PartialReplay | null;
  /** The last ten attempts of all series, the oldest first. */
  readonly attemptLog: readonly AttemptRecord[];
  /** The body as it was received, if a replay replaced it. */
  readonly originalBody: string | null;
  /**
   * What of the stored entry cannot be read, and was replaced by an empty value. A worker makes such an
   * entry a dead letter with this reason. See `parseStoredEntry`.
   */
  readonly damage?: string;
}

/** A replay of some handlers only. */
export interface PartialReplay {
  /** The only handlers that run: names of handlers, or as `describeHandlerName` names them. */
  readonly handlers: readonly string[];
  /**
   * The reason of the dead letter that was replayed; `null` if it was done. If handlers that were not
   * named have not succeeded, the entry becomes a dead letter with it again.
   */
  readonly deadReason: string | null;
}

/** One attempt, for operators. */
export interface AttemptRecord {
  /** Number in its series; the first is 1. */
  readonly attempt: number;
  /** Milliseconds since 1970, by the clock of the worker; `null` if the attempt was never reported. */
  readonly startedAt: number | null;
  readonly durationMs: number | null;
  /** `lost`: the attempt never reported a result, for example because its process ended. */
  readonly outcome: 'done' | 'retry' | 'dead' | 'lost';
  /** What caused the series. */
  readonly trigger: EntrySource | 'replay';
  /** At most three handlers that failed. With `confirm`, also that the Task Result API contradicts the event. */
  readonly errors: readonly HandlerFailure[];
}

/** Why a handler failed, without secrets. */
export interface HandlerFailure {
  readonly handler: string;
  /** Name of the error class. */
  readonly name: string;
  /** At most 300 characters. */
  readonly message: string;
  /** Code of the error, if it has one. */
  readonly code: string | null;
}

/** Why an entry became a dead letter. Codes are stable; reasons may change. */
export type DeadLetterCode =
  /** A handler threw `PermanentError`, the last attempt failed, or the metadata does not fit its schema. */
  | 'handler_failed'
  /** The last attempt never reported a result: its process may have crashed. */
  | 'attempt_lost'
  /** A replay named some handlers only, and others are outstanding or unknown. */
  | 'replay_incomplete'
  /** The payload does not fit the schema, or what is stored cannot be read. */
  | 'invalid_result'
  /** With `confirm`, the Task Result API does not confirm the event. It may be forged. */
  | 'unconfirmed'
  /** No result of an awaited task came in time. */
  | 'missing'
  /** A submit call with a `key` never named its task. */
  | 'submission_unfinished';

/** What every outcome may carry. */
interface OutcomeRecord {
  /** Replaces the entry's; absent: the store keeps it. */
  readonly attemptLog?: readonly AttemptRecord[];
}

/**
 * The outcome of an attempt. Delays are relative because leases follow the store's clock. The store
 * adds `succeededHandlers` to those of the entry: a transaction may have committed although the
 * attempt did not learn of it.
 */
export type Outcome = OutcomeRecord &
  (
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
        /** For `onDeadLetter`. Stores do not keep it. */
        readonly code?: DeadLetterCode;
        readonly succeededHandlers: readonly string[];
      }
    /** Unfinished, for a reason outside the entry. Does not count as an attempt. */
    | {
        readonly type: 'released';
        readonly delayMs: number;
        /** Why it waits, for operators. Absent: the store keeps the entry's reason. */
        readonly reason?: string;
        readonly succeededHandlers: readonly string[];
      }
  );
