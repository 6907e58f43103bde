import {
  QueueKeys,
  RedisConnection,
  RedisQueueBackend,
  type KeepJobs,
  type MinimalJob,
} from 'bullmq';

import type { Connection } from './connection.ts';
import { toQueueName } from './names.ts';
import { scripts } from './scripts.ts';

/** BullMQ's client: ours, with its scripts and our own. */
type ScriptClient = Awaited<RedisConnection['client']>;

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

/** What is used of BullMQ, with one method that it declares as protected. */
type Bullmq = RedisQueueBackend & {
  moveToFinishedArgs(
    job: MinimalJob,
    value: string | undefined,
    field: 'returnvalue' | 'failedReason',
    keep: KeepJobs,
    target: 'completed' | 'failed',
    token: string,
    timestamp: number,
    fetchNext: boolean,
    fieldsToUpdate: Readonly<Record<string, string>> | undefined,
  ): (string | number | boolean | Buffer)[];
};

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
  readonly name: string;
  readonly leaseMs: number;
  /** Time between two looks for jobs whose worker is gone. */
  readonly checkMs: number;
}

export function createQueues(connection: Connection, options: QueueOptions): Queues {
  const { prefix, name, leaseMs, checkMs } = options;
  const shared = new RedisConnection(connection.client, {
    shared: true,
    blocking: false,
    skipVersionCheck: true, // it asks for no more than `open` does, and prints instead of logging
    skipWaitingForReady: true,
  });
  shared.on('error', () => undefined); // the connection has its own listener
  const client = shared.client.then((loaded) => {
    for (const { name: command, ...script } of scripts) {
      // The count of keys may be left out, whatever its type says.
      loaded.defineCommand(command, script as Required<typeof script>);
    }
    return loaded;
  });
  const keysOf = new QueueKeys(prefix);
  const queues = new Map<string, Queue>();
  const own = (suffix: string) => `${prefix}:${name}:${suffix}`;
  const endpoints = own('endpoints');

  function create(endpoint: string): Queue {
    const queue = toQueueName(name, endpoint);
    const key = (suffix: string) => keysOf.toKey(queue, suffix);
    const bullmq = new RedisQueueBackend(
      shared,
      queue,
      keysOf.getKeys(queue),
      key,
      {
        connection: connection.client,
        prefix,
        lockDuration: leaseMs,
        stalledInterval: checkMs,
        // A worker that dies costs an attempt; how many there are is not BullMQ's business.
        maxStalledCount: Number.MAX_SAFE_INTEGER,
      } as ConstructorParameters<typeof RedisQueueBackend>[4],
      undefined,
      false,
    );
    goByRedis(bullmq, connection);
    return { endpoint, bullmq: bullmq as Bullmq, key, arrivals: key('novita:arrivals') };
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
    client,
    all: async () => (await connection.run((redis) => redis.smembers(endpoints))).map(of),
    close: () => shared.close(),
  };
}

/** After eleven keys and the prefix. */
const TIME_OF_CLAIM = 12;

/** BullMQ takes by the clock of this machine what is due; that of Redis is the same for all. */
function goByRedis(bullmq: RedisQueueBackend, connection: Connection): void {
  const execCommand = bullmq.execCommand.bind(bullmq);
  bullmq.execCommand = (client, command, args: readonly unknown[]): unknown =>
    execCommand(
      client,
      command,
      command === 'moveToActive' ? args.with(TIME_OF_CLAIM, connection.now()) : [...args],
    );
}
