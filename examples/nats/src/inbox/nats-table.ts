// All code that uses NATS. A row is one message in a stream, and its sequence number is the revision.
// The store needs two things: writes on the condition of a revision, and notification of changes.
import {
  DeliverPolicy,
  DiscardPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  jetstream,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type JetStreamManager,
  type JsMsg,
} from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import {
  parseStoredEntry,
  WebhookError,
  type Entry,
  type EntryKey,
  type Logger,
} from '@novita-webhooks/core';

/** The message of an entry. */
export interface Row {
  readonly entry: Entry;
  /** Of the current lease; `null` if the entry is not running. Begins with `series`. */
  readonly fencingToken: string | null;
  readonly leaseDurationMs: number;
  /** Whether a claim has found the lease expired, and its holder has sent no heartbeat since. */
  readonly isOverdue: boolean;
  /** Of the current event and series of attempts. */
  readonly series: string;
  /** Position in the order of arrival: the first revision. `null` in the first message itself. */
  readonly order: number | null;
}

/** A row that is in the stream. */
export interface StoredRow extends Row {
  readonly order: number;
  readonly revision: number;
}

/** What the client calls a message of the stream, in each of its two types. */
type StoredMessage = Pick<JsMsg, 'data' | 'seq' | 'subject'>;

export interface NatsTable {
  read(key: EntryKey): Promise<StoredRow | undefined>;
  /**
   * Writes a row if `expectedRevision` is the current revision; 0: if there is no row. Returns the new
   * revision, or `undefined` if the condition does not hold.
   *
   * @throws WebhookError `inbox_full`
   */
  write(row: Row, expectedRevision: number): Promise<number | undefined>;
  /** Removes a row if its revision is the current one. Returns whether it did. */
  remove(row: StoredRow): Promise<boolean>;
  /** Reads all rows of the stream. */
  scan(): Promise<StoredRow[]>;
  /** Calls `onRow` for every row, then for every later change, until `stop()`. */
  watch(onRow: (row: StoredRow) => void, log: Logger): void;
  stop(): void;
}

export interface NatsTableOptions {
  /** The caller opens and closes it. */
  readonly connection: NatsConnection;
  /** Name of the stream, and first token of its subjects. A missing stream is created. */
  readonly stream: string;
  /** Number of servers that hold a copy. */
  readonly replicas: number;
}

const SCAN_TIMEOUT_MS = 5000;
/** With these, the client notices within seconds that a consumer was lost with its server. */
const CONSUME_OPTIONS = { expires: 5000, idle_heartbeat: 1000 };
const WATCH_RETRY_MS = 1000;
/** The error code of the server for a stream that reached its `max_bytes` or `max_msgs`. */
const STREAM_FULL_CODE = 10077;
const WATCH_FAILED = `nats-inbox: watching the stream failed. It is retried every ${WATCH_RETRY_MS} ms.`;

export function createNatsTable(options: NatsTableOptions): NatsTable {
  const { connection, stream } = options;
  const js = jetstream(connection);
  /** Returns a new object for each consumer, because the client modifies it. */
  const latestOfEach = () => ({
    deliver_policy: DeliverPolicy.LastPerSubject,
    filter_subjects: `${stream}.>`,
  });
  let manager: Promise<JetStreamManager> | undefined;
  let stopConsuming: (() => void) | undefined;
  const stop = new AbortController();
  const isStopped = () => stop.signal.aborted || connection.isClosed();

  /** Opens the stream on the first call. After a failure the next call opens it again. */
  function ready(): Promise<JetStreamManager> {
    manager ??= openStream(options).catch((error: unknown) => {
      manager = undefined;
      throw error;
    });
    return manager;
  }

  async function watch(onRow: (row: StoredRow) => void, log: Logger): Promise<void> {
    while (!isStopped()) {
      try {
        await ready();
        const messages = await (
          await js.consumers.get(stream, latestOfEach())
        ).consume(CONSUME_OPTIONS);
        stopConsuming = () => void messages.close();
        for await (const message of messages) onRow(toRow(stream, message));
      } catch (error) {
        if (!isStopped()) log.warn({ error: String(error) }, WATCH_FAILED);
      }
      if (!isStopped()) await new Promise((resolve) => setTimeout(resolve, WATCH_RETRY_MS));
    }
  }

  /** Ends the consumer after a reconnect, because the restarted server has lost it. `watch` makes another. */
  async function endConsumerOnReconnect(): Promise<void> {
    for await (const { type } of connection.status()) if (type === 'reconnect') stopConsuming?.();
  }

  return {
    async read(key) {
      const { streams } = await ready();
      const message = await streams.getMessage(stream, { last_by_subj: subjectOf(stream, key) });
      return message === null ? undefined : toRow(stream, message);
    },
    async write(row, expectedRevision) {
      await ready();
      const subject = subjectOf(stream, row.entry);
      const expect = { lastSubjectSequence: expectedRevision };
      try {
        return (await js.publish(subject, JSON.stringify(row), { expect })).seq;
      } catch (error) {
        if (isRefusal(error, JetStreamApiCodes.StreamWrongLastSequence)) return undefined;
        if (!isRefusal(error, STREAM_FULL_CODE)) throw error;
        const message = `nats-inbox: the stream ${stream} is full. Raise its max_bytes.`;
        throw new WebhookError('inbox_full', message, { cause: error });
      }
    },
    async remove({ revision }) {
      const { streams } = await ready();
      return streams.deleteMessage(stream, revision, false).catch((error: unknown) => {
        if (error instanceof JetStreamApiError) return false; // another process has changed or removed the row
        throw error;
      });
    },
    async scan() {
      await ready();
      const rows: StoredRow[] = [];
      const consumer = await js.consumers.get(stream, latestOfEach());
      const { num_pending: count } = await consumer.info(true);
      if (count === 0) return rows;
      const messages = await consumer.fetch({ max_messages: count, expires: SCAN_TIMEOUT_MS });
      for await (const message of messages) {
        rows.push(toRow(stream, message));
        if (message.info.pending === 0) break;
      }
      return rows;
    },
    watch(onRow, log) {
      void watch(onRow, log);
      void endConsumerOnReconnect();
    },
    stop() {
      stop.abort();
      stopConsuming?.();
    },
  };
}

async function openStream(options: NatsTableOptions): Promise<JetStreamManager> {
  const { connection, stream, replicas } = options;
  const manager = await jetstreamManager(connection);
  try {
    await manager.streams.info(stream); // an existing stream keeps its settings
  } catch {
    await manager.streams.add({
      name: stream,
      subjects: [`${stream}.>`],
      storage: StorageType.File,
      retention: RetentionPolicy.Limits,
      max_msgs_per_subject: 1, // the stream keeps the latest revision of each row
      discard: DiscardPolicy.New, // a full stream refuses new rows instead of deleting old ones
      num_replicas: replicas,
    });
  }
  return manager;
}

function isRefusal(error: unknown, code: number): boolean {
  return error instanceof JetStreamApiError && error.code === code;
}

/** Never throws: one damaged message must not fail the other rows. Its entry says what is damaged. */
function toRow(stream: string, { data, seq, subject }: StoredMessage): StoredRow {
  const row = parse(data);
  const entry = parseStoredEntry({
    ...EMPTY_ENTRY,
    ...row.entry,
    ...keyOf(stream, subject),
    metadata: JSON.stringify(row.entry?.metadata ?? null),
    succeededHandlers: JSON.stringify(row.entry?.succeededHandlers ?? null),
  });
  return { ...EMPTY_ROW, ...row, entry, order: row.order ?? seq, revision: seq };
}

const EMPTY_ROW = { fencingToken: null, leaseDurationMs: 0, isOverdue: false, series: '' };
const EMPTY_ENTRY = {
  ...{ status: '', body: '', schemaError: null, testMode: false, receivedAt: NaN },
  ...{ state: 'pending' as const, attempts: 0, reason: null, dueAt: 0, finishedAt: null },
};

function parse(data: Uint8Array): Partial<Row> {
  try {
    return Object(JSON.parse(new TextDecoder().decode(data))) as Partial<Row>;
  } catch {
    return {};
  }
}

function subjectOf(stream: string, { endpoint, taskId }: EntryKey): string {
  return `${stream}.${toToken(endpoint)}.${toToken(taskId)}`;
}

/** Returns a token of a subject. Words with other characters are encoded and begin with `=`. */
function toToken(word: string): string {
  return /^[\w-]+$/.test(word) ? word : `=${Buffer.from(word).toString('base64url')}`;
}

function keyOf(stream: string, subject: string): EntryKey {
  const [endpoint = '', taskId = ''] = subject.slice(stream.length + 1).split('.');
  return { endpoint: toWord(endpoint), taskId: toWord(taskId) };
}

function toWord(token: string): string {
  return token.startsWith('=') ? Buffer.from(token.slice(1), 'base64url').toString() : token;
}
