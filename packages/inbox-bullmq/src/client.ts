import { Redis, type Cluster, type RedisOptions } from 'ioredis';

/** Where Redis is: options or a URL as ioredis takes them, or a client to be duplicated. */
export type RedisSource = string | RedisOptions | Redis | Cluster;

type Overrides = RedisOptions & { readonly replyMapping: 'legacy' };

/** A client of our own. A cluster's has the same commands. */
export type Client = Redis;

/** How patient a connection is, in milliseconds. */
export interface Patience {
  /** For an answer; also to the greetings of a new connection. */
  readonly commandTimeoutMs: number;
}

const LONGEST_RETRY_MS = 2000;

/** Makes a client, not connected yet, whatever the caller's own is set to. */
export function createClient(source: RedisSource, { commandTimeoutMs }: Patience): Client {
  const ours: Overrides = {
    // A command that cannot be sent now is refused now. It must neither pile up nor be sent later.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: commandTimeoutMs,
    // How long to wait is ours to say: who waits for a marker has to be more patient than others.
    commandTimeout: undefined,
    socketTimeout: undefined,
    replyMapping: 'legacy',
    stringNumbers: false,
    scripts: undefined, // BullMQ would take one of the caller's for its own
  };
  const retry = (times: number) => Math.min(50 * 2 ** Math.min(times, 10), LONGEST_RETRY_MS);
  if (isCluster(source)) {
    const redisOptions = { ...source.options.redisOptions, ...ours };
    const cluster = source.duplicate([], {
      redisOptions,
      enableOfflineQueue: false,
      retryDelayOnFailover: 0, // or it sends again by itself what may have been done already
      clusterRetryStrategy: retry,
      lazyConnect: true,
      scripts: undefined,
    });
    return cluster as unknown as Client;
  }
  const single: Overrides = {
    ...ours,
    lazyConnect: true,
    retryStrategy: retry,
    sentinelRetryStrategy: retry,
  };
  if (isClient(source)) return source.duplicate(single);
  // What a URL says would take precedence over options that come with it.
  if (typeof source === 'string') return new Redis(source, { lazyConnect: true }).duplicate(single);
  return new Redis({ ...source, ...single });
}

/** Whether ioredis would put something before every key, of which BullMQ's scripts know nothing. */
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
