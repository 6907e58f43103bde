import { Queue, type ConnectionOptions } from 'bullmq';

import type { Client } from '../connection/client.ts';
import type { Connection } from '../connection/connection.ts';
import { forgetArrivals, type Notes } from '../connection/scripts.ts';
import { toQueueName } from './names.ts';
import type { EntryJob } from './progress.ts';
import { whenFirstNeeded } from './when-first-needed.ts';

/** The queue of one endpoint. */
export interface EndpointQueue extends Notes {
  readonly endpoint: string;
  readonly name: string;
  /** Names of handlers of one entry: a set of ours. See `recordSucceeded`. */
  successesOf(id: string): string;
  /** The lease of the last claim of this process, in milliseconds. */
  leaseDurationMs: number | null;
  /** Does something with BullMQ's queue. See Connection.run for its limits and errors. */
  run<T>(work: (queue: Queue) => Promise<T>): Promise<T>;
  /** Does something with a key of ours. */
  redis<T>(work: (client: Client) => Promise<T>): Promise<T>;
  job(id: string): Promise<EntryJob | undefined>;
  /** Deletes what our own keys hold of jobs that are gone. Returns of how many there was an order. */
  forget(ids: readonly string[]): Promise<number>;
  close(): Promise<void>;
}

/** The queues of an inbox: one for each endpoint, all on one connection. */
export interface Queues {
  of(endpoint: string): EndpointQueue;
  /** Those to which anything was ever added. */
  all(): Promise<readonly EndpointQueue[]>;
  /** The set of their endpoints. */
  readonly endpoints: string;
  /** Counts arrivals. */
  readonly counter: string;
  close(): Promise<void>;
}

interface QueueOptions {
  readonly prefix: string;
  readonly queueNamePrefix: string;
}

export function createQueues(connection: Connection, options: QueueOptions): Queues {
  const { prefix, queueNamePrefix } = options;
  const queues = new Map<string, EndpointQueue>();
  const endpoints = `${prefix}:${queueNamePrefix}:endpoints`;

  function of(endpoint: string): EndpointQueue {
    const name = toQueueName(queueNamePrefix, endpoint);
    const queue = queues.get(endpoint) ?? createQueue(connection, endpoint, name, prefix);
    queues.set(endpoint, queue);
    return queue;
  }

  return {
    of,
    endpoints,
    counter: `${prefix}:${queueNamePrefix}:arrivals`,
    all: async () => (await connection.run((redis) => redis.smembers(endpoints))).map(of),
    async close() {
      await Promise.all([...queues.values()].map((queue) => queue.close()));
    },
  };
}

/** What BullMQ's objects take: the connection of the inbox. */
export function toBullmqOptions(
  { client }: Connection,
  prefix: string,
): { connection: ConnectionOptions; prefix: string; skipVersionCheck: true } {
  // `open` reports the version and the settings of the server.
  return { connection: client, prefix, skipVersionCheck: true };
}

function createQueue(
  connection: Connection,
  endpoint: string,
  name: string,
  prefix: string,
): EndpointQueue {
  const options = { ...toBullmqOptions(connection, prefix), skipMetasUpdate: true };
  const opened = whenFirstNeeded(connection, () => new Queue(name, options));

  async function run<T>(work: (queue: Queue) => Promise<T>): Promise<T> {
    const queue = await opened.get();
    return connection.run(() => work(queue));
  }

  const ours = `${prefix}:${name}:novita`;
  const notes = { arrivals: `${ours}:arrivals`, tokens: `${ours}:tokens`, bound: `${ours}:bound` };
  const successesOf = (id: string) => `${ours}:succeeded:${id}`;

  return {
    endpoint,
    name,
    ...notes,
    successesOf,
    leaseDurationMs: null,
    run,
    redis: (work) => connection.run(work),
    job: (id) => run((queue) => queue.getJob(id)),
    async forget(ids) {
      if (ids.length === 0) return 0;
      await connection.run((client) => client.del(...ids.map(successesOf)));
      return connection.run((client) => forgetArrivals(client, notes, ids));
    },
    close: () => opened.close(),
  };
}
