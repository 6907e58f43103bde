import { QueueKeys } from 'bullmq';

import { createBackend, share, type Bullmq, type ScriptClient } from './bullmq.ts';
import type { Connection } from './connection.ts';
import { toQueueName } from './names.ts';

/** The queue of one endpoint. */
export interface Queue {
  readonly endpoint: string;
  /** BullMQ's own operations on it. */
  readonly bullmq: Bullmq;
  /** The key of a job, or of a set or list of BullMQ's. */
  key(suffix: string): string;
  /** In which order its jobs have come: a sorted set of ours. */
  readonly arrivals: string;
}

/** The queues of an inbox: one for each endpoint, all on one connection. */
export interface Queues {
  of(endpoint: string): Queue;
  /** Those to which anything was ever added. */
  all(): Promise<readonly Queue[]>;
  /** The set of their endpoints. */
  readonly endpoints: string;
  /** Counts arrivals. */
  readonly counter: string;
  readonly client: Promise<ScriptClient>;
  close(): Promise<void>;
}

export interface QueueOptions {
  readonly prefix: string;
  readonly queueNamePrefix: string;
  readonly leaseDurationMs: number;
  /** Time between two looks for jobs whose worker is gone. */
  readonly checkMs: number;
}

export function createQueues(connection: Connection, options: QueueOptions): Queues {
  const { prefix, queueNamePrefix, leaseDurationMs, checkMs } = options;
  const shared = share(connection.client);
  const keysOf = new QueueKeys(prefix);
  const queues = new Map<string, Queue>();
  const own = (suffix: string) => `${prefix}:${queueNamePrefix}:${suffix}`;
  const endpoints = own('endpoints');

  function create(endpoint: string): Queue {
    const queue = toQueueName(queueNamePrefix, endpoint);
    const key = (suffix: string) => keysOf.toKey(queue, suffix);
    const bullmq = createBackend(shared.connection, connection, {
      queue,
      key,
      keys: keysOf.getKeys(queue),
      prefix,
      leaseDurationMs,
      checkMs,
    });
    return { endpoint, bullmq, key, arrivals: key('novita:arrivals') };
  }

  function of(endpoint: string): Queue {
    const queue = queues.get(endpoint) ?? create(endpoint);
    queues.set(endpoint, queue);
    return queue;
  }

  return {
    of,
    endpoints,
    counter: own('arrivals'),
    client: shared.client,
    all: async () => (await connection.run((redis) => redis.smembers(endpoints))).map(of),
    close: () => shared.connection.close(),
  };
}
