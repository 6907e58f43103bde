import { isWebhookError, WebhookError } from '@novita-webhooks/core';

/** What can be wrong with Redis. */
export type Trouble =
  | 'unreachable'
  | 'login'
  | 'forbidden'
  | 'full'
  | 'replica'
  | 'loading'
  | 'persisting'
  | 'cluster'
  | 'slots'
  | 'slow'
  | 'other';

const BY_MESSAGE: readonly [RegExp, Trouble][] = [
  [/NOAUTH|WRONGPASS|invalid (username|password)|without any password/i, 'login'],
  [/NOPERM|executing the script can't/, 'forbidden'],
  [/\bOOM\b|used memory > 'maxmemory'/, 'full'],
  [/MISCONF/, 'persisting'],
  [/READONLY|NOREPLICAS/, 'replica'],
  [/LOADING|MASTERDOWN/, 'loading'],
  [/CROSSSLOT|same slot/, 'slots'],
  [/CLUSTERDOWN|slots cache|cluster/i, 'cluster'],
  [/no answer within|timed out|timeout/i, 'slow'],
  [
    /ECONN|ENOTFOUND|EAI_AGAIN|EPIPE|EHOSTUNREACH|ENETUNREACH|closed|writeable|not connected|aborted/i,
    'unreachable',
  ],
];

const WHAT_TO_DO: Readonly<Record<Trouble, string>> = {
  unreachable: 'Redis cannot be reached. Is it running, at the address of `connection`?',
  login: 'Redis refuses the password. Check user and password in `connection`',
  forbidden: 'the Redis user may not do this. It needs scripts and all keys under the prefix',
  full:
    'Redis has reached its maxmemory. Raise it, or make room: the queue is kept whole, so that no ' +
    'event is lost',
  replica:
    'Redis takes no writes: it is a replica, or misses its own. After a failover, connect to the ' +
    'new master (Sentinel, or the address that the provider gives)',
  loading: 'Redis is loading its data after a start',
  persisting:
    'Redis takes no writes because it cannot save to disk. Check the disk and the log of Redis',
  cluster: 'the Redis Cluster cannot be used. Check its nodes (CLUSTER INFO)',
  slots: "in a Redis Cluster the prefix needs a hash tag: prefix: '{novita}'",
  slow: 'Redis does not answer in time. Is it overloaded, paused, or the network broken?',
  other: 'Redis reported an error',
};

/** What stands in the way, by an error of ioredis, of BullMQ or of Redis itself. */
export function troubleOf(error: unknown): Trouble {
  const { message = '', code = '', name = '' } = (error ?? {}) as Record<string, unknown>;
  const text = `${String(name)} ${String(code)} ${String(message)}`;
  return BY_MESSAGE.find(([pattern]) => pattern.test(text))?.[1] ?? 'other';
}

/** A line for whoever has to mend it. */
export function whatToDo(trouble: Trouble): string {
  return WHAT_TO_DO[trouble];
}

/** An error that tells the person who reads it what to do. */
export function explain(error: unknown): Error {
  if (isWebhookError(error)) return error;
  const trouble = troubleOf(error);
  const code = trouble === 'full' ? 'inbox_full' : 'inbox_unavailable';
  return new WebhookError(code, WHAT_TO_DO[trouble], { cause: error });
}
