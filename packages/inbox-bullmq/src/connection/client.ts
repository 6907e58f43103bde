import { Redis, type Cluster, type RedisOptions } from 'ioredis';

/** Where Redis is: options or a URL as ioredis takes them, or a client to be duplicated. */
export type RedisSource = string | RedisOptions | Redis | Cluster;

type Overrides = RedisOptions & { readonly replyMapping: 'legacy' };

/** A client of our own. That of a cluster has the same commands. */
export type Client = Redis;

const MAX_RECONNECT_MS = 2000;

/** A client, and those that BullMQ has made from it and nothing has taken out. */
export interface OwnClient {
  readonly client: Client;
  readonly duplicates: Client[];
}

/**
 * Makes a client that is not connected yet, whatever the caller's own is set to. BullMQ duplicates it
 * to wait for jobs. A command of such a duplicate may wait for a connection.
 */
export function createClient(source: RedisSource, commandTimeoutMs: number): OwnClient {
  const client = create(source, commandTimeoutMs);
  const duplicates: Client[] = [];
  const forWaiting = { enableOfflineQueue: true, autoResendUnfulfilledCommands: true };
  const duplicate = client.duplicate.bind(client) as (...args: unknown[]) => Client;
  client.duplicate = (...args: unknown[]) => {
    const options = client.isCluster ? args : [{ ...(args[0] as RedisOptions), ...forWaiting }];
    const copy = duplicate(...options);
    copy.on('error', () => undefined); // the client reports it as well
    duplicates.push(copy);
    return copy;
  };
  return { client, duplicates };
}

function create(source: RedisSource, commandTimeoutMs: number): Client {
  const ours: Overrides = {
    // A command that cannot be sent now is rejected now. It must neither pile up nor be sent later.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: commandTimeoutMs,
    // The connection limits the time of commands, except of those that wait for jobs.
    commandTimeout: undefined,
    socketTimeout: undefined,
    replyMapping: 'legacy',
    stringNumbers: false,
    scripts: undefined, // BullMQ would call a script of the caller's by the name of its own
  };
  const retry = (times: number) => Math.min(50 * 2 ** Math.min(times, 10), MAX_RECONNECT_MS);
  if (isCluster(source)) {
    const cluster = source.duplicate([], {
      redisOptions: { ...source.options.redisOptions, ...ours },
      enableOfflineQueue: false,
      retryDelayOnFailover: 0, // or ioredis sends a command again that Redis may have executed
      clusterRetryStrategy: retry,
      lazyConnect: true,
      scripts: undefined,
    });
    return cluster as unknown as Client;
  }
  const strategies = { retryStrategy: retry, sentinelRetryStrategy: retry };
  const single: Overrides = { ...ours, ...strategies, lazyConnect: true };
  if (isClient(source)) return source.duplicate(single);
  // Options in a URL take precedence over others.
  if (typeof source === 'string') return new Redis(source, { lazyConnect: true }).duplicate(single);
  return new Redis({ ...source, ...single });
}

/** Whether ioredis would put a prefix before every key. BullMQ's scripts would not know it. */
export function hasKeyPrefix(source: RedisSource): boolean {
  if (typeof source === 'string') return /[?&]keyPrefix=./.test(source);
  const options = isClient(source) ? source.options : source;
  const { redisOptions } = options as { redisOptions?: RedisOptions };
  return Boolean(options.keyPrefix ?? redisOptions?.keyPrefix);
}

function isClient(source: RedisSource): source is Redis | Cluster {
  return typeof source === 'object' && typeof (source as Partial<Redis>).duplicate === 'function';
}

function isCluster(source: RedisSource): source is Cluster {
  return isClient(source) && source.isCluster;
}
