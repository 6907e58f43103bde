// Everything that knows NATS: one message per entry in a stream, and its sequence as the revision.
// What is asked of an engine is small: to write only over a known revision, and to tell what changed.
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
} from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { WebhookError, type Entry, type EntryKey, type Logger } from '@novita-webhooks/core';

/** What is written for an entry. */
export interface Row {
  readonly entry: Entry;
  /** Of the lease of a running entry. */
  readonly fencingToken: string | null;
  readonly leaseDurationMs: number;
  /** Place in the order of arrival: the first revision, once it is known. */
  readonly order: number | null;
}

/** A row as it was read. */
export interface KeptRow extends Row {
  readonly order: number;
  readonly revision: number;
}

export interface NatsTable {
  read(key: EntryKey): Promise<KeptRow | undefined>;
  /**
   * Writes over a revision, or over nothing: 0. Returns the new revision, `undefined` when the old
   * one is not the present one.
   */
  write(row: Row, over: number): Promise<number | undefined>;
  /** Removes a revision, if it is the present one. */
  remove(row: KeptRow): Promise<boolean>;
  /** Reads all rows. */
  scan(): Promise<KeptRow[]>;
  /** Tells of every row that is there, and of those that are written from then on. */
  follow(heard: (row: KeptRow) => void, log: Logger): void;
  stop(): void;
}

export interface NatsTableOptions {
  /** Connected by the caller, who also closes it. */
  readonly connection: NatsConnection;
  /** Name of the stream, made when there is none, and first word of its subjects. */
  readonly stream: string;
  /** Servers that hold a copy each. */
  readonly replicas: number;
}

const SCAN_MS = 5000;
/** A consumer that has gone with its server is noticed within seconds. */
const ALIVE = { expires: 5000, idle_heartbeat: 1000 };
const PAUSE_MS = 1000;
/** The server's code for a stream that reached its `max_bytes` or `max_msgs`. */
const STREAM_IS_FULL = 10077;

export function createNatsTable(options: NatsTableOptions): NatsTable {
  const { connection, stream } = options;
  const js = jetstream(connection);
  /** A new one for each consumer: the client writes its own into it. */
  const all = () => ({
    deliver_policy: DeliverPolicy.LastPerSubject,
    filter_subjects: `${stream}.>`,
  });
  let manager: Promise<JetStreamManager> | undefined;
  let stopFollowing: (() => void) | undefined;
  const stop = new AbortController();
  const isOver = () => stop.signal.aborted || connection.isClosed();

  /** With the stream there. Whoever comes after a failure tries again. */
  function ready(): Promise<JetStreamManager> {
    manager ??= openStream(options).catch((error: unknown) => {
      manager = undefined;
      throw error;
    });
    return manager;
  }

  async function follow(heard: (row: KeptRow) => void, log: Logger): Promise<void> {
    while (!isOver()) {
      try {
        await ready();
        const messages = await (await js.consumers.get(stream, all())).consume(ALIVE);
        stopFollowing = () => void messages.close();
        for await (const { data, seq } of messages) heard(toRow(data, seq));
      } catch (error) {
        if (!isOver())
          log.warn({ error: String(error) }, 'NATS does not tell of changes; trying again');
      }
      if (!isOver()) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  /** What a server delivers to ends with it. */
  async function followAnew(): Promise<void> {
    for await (const { type } of connection.status()) if (type === 'reconnect') stopFollowing?.();
  }

  return {
    async read(key) {
      const { streams } = await ready();
      const message = await streams.getMessage(stream, { last_by_subj: subjectOf(stream, key) });
      return message === null ? undefined : toRow(message.data, message.seq);
    },
    async write(row, over) {
      await ready();
      const subject = subjectOf(stream, row.entry);
      const expect = { lastSubjectSequence: over };
      try {
        return (await js.publish(subject, JSON.stringify(row), { expect })).seq;
      } catch (error) {
        if (isRefusal(error, JetStreamApiCodes.StreamWrongLastSequence)) return undefined;
        if (!isRefusal(error, STREAM_IS_FULL)) throw error;
        throw new WebhookError('inbox_full', `the stream ${stream} is full`, { cause: error });
      }
    },
    async remove({ revision }) {
      const { streams } = await ready();
      return streams.deleteMessage(stream, revision, false).catch((error: unknown) => {
        if (error instanceof JetStreamApiError) return false; // it was written over in the meantime
        throw error;
      });
    },
    async scan() {
      await ready();
      const rows: KeptRow[] = [];
      const consumer = await js.consumers.get(stream, all());
      const { num_pending: count } = await consumer.info(true);
      if (count === 0) return rows;
      const messages = await consumer.fetch({ max_messages: count, expires: SCAN_MS });
      for await (const { data, seq, info } of messages) {
        rows.push(toRow(data, seq));
        if (info.pending === 0) break;
      }
      return rows;
    },
    follow(heard, log) {
      void follow(heard, log);
      void followAnew();
    },
    stop() {
      stop.abort();
      stopFollowing?.();
    },
  };
}

async function openStream(options: NatsTableOptions): Promise<JetStreamManager> {
  const { connection, stream, replicas } = options;
  const manager = await jetstreamManager(connection);
  try {
    await manager.streams.info(stream); // as its operators have set it up
  } catch {
    await manager.streams.add({
      name: stream,
      subjects: [`${stream}.>`],
      storage: StorageType.File,
      retention: RetentionPolicy.Limits,
      max_msgs_per_subject: 1, // the latest revision is the row
      discard: DiscardPolicy.New, // full is an answer; forgetting the oldest would be a loss
      num_replicas: replicas,
    });
  }
  return manager;
}

function isRefusal(error: unknown, code: number): boolean {
  return error instanceof JetStreamApiError && error.code === code;
}

function toRow(data: Uint8Array, revision: number): KeptRow {
  const row = JSON.parse(new TextDecoder().decode(data)) as Row;
  return { ...row, order: row.order ?? revision, revision };
}

function subjectOf(stream: string, { endpoint, taskId }: EntryKey): string {
  return `${stream}.${toToken(endpoint)}.${toToken(taskId)}`;
}

/** As it is where that is readable and allowed in a subject. `=` marks what had to be encoded. */
function toToken(word: string): string {
  return /^[\w-]+$/.test(word) ? word : `=${Buffer.from(word).toString('base64url')}`;
}
