import { isWebhookError, WebhookError } from '@novita-webhooks/core';

const FULL =
  'Redis has reached its maxmemory. Raise it or make room: the queue is kept whole, so that no ' +
  'event is lost.';

/** By a message of ioredis, of BullMQ or of Redis: what failed, and what to do. The first one holds. */
const EXPLANATIONS: readonly (readonly [pattern: RegExp, explanation: string])[] = [
  [
    /NOAUTH|WRONGPASS|invalid (username|password)|without any password/i,
    'Redis rejected the password. Check user and password in `connection`.',
  ],
  [
    /NOPERM|executing the script can't/,
    'the Redis user lacks a permission. Allow scripts, and all keys under the prefix.',
  ],
  [/\bOOM\b|used memory > 'maxmemory'/, FULL],
  [/MISCONF/, 'Redis rejects writes because it cannot save to disk. Check its disk and its log.'],
  [
    /READONLY|NOREPLICAS/,
    'Redis rejects writes: it is a replica, or lacks its own replicas. After a failover, connect ' +
      'to the new master (Sentinel, or the address of the provider).',
  ],
  [/LOADING|MASTERDOWN/, 'Redis is loading its data. Wait until it has started.'],
  [
    /CROSSSLOT|same slot/,
    "the keys are in several slots. In a Redis Cluster, set a hash tag: prefix: '{novita}'.",
  ],
  [
    /CLUSTERDOWN|slots cache|cluster/i,
    'the Redis Cluster is not available. Check its nodes (CLUSTER INFO).',
  ],
  [
    /DB index/,
    'this Redis has no database of that number. Use one that it has (`databases` in its configuration).',
  ],
  [
    /certificate|CERT_/i,
    'the certificate of Redis was rejected. Pass its authority in `tls.ca`, or connect by the name ' +
      'in the certificate.',
  ],
  [
    /\bSSL\b|ERR_SSL|TLS/,
    'the TLS handshake failed. Use rediss:// for a port with TLS, and redis:// for one without.',
  ],
  [
    /RESP type|reply type/,
    'another server than Redis answers at the address of `connection`. Check host and port.',
  ],
  [/ENOENT|EACCES|ENOTSOCK/, 'there is no usable socket at the path of `connection`. Check it.'],
  [
    /ETIMEDOUT|not connected/,
    'Redis cannot be reached in time. Check host, port and firewall, and use rediss:// only for a ' +
      'port with TLS.',
  ],
  [
    /no answer within|no greeting|timed out|timeout/i,
    'Redis does not answer in time. Check its load and the network, whether it is paused, and use ' +
      'rediss:// if its port expects TLS.',
  ],
  [
    /ECONN|ENOTFOUND|EAI_AGAIN|EPIPE|EHOSTUNREACH|ENETUNREACH|closed|writeable|aborted/i,
    'Redis cannot be reached. Check that it runs at the address of `connection`.',
  ],
];

const UNKNOWN = 'Redis reported an error. See its cause.';

/** One line for the log: what failed, and what to do. */
export function explanationOf(error: unknown): string {
  const { message = '', code = '', name = '' } = (error ?? {}) as Record<string, unknown>;
  const text = `${String(name)} ${String(code)} ${String(message)}`;
  const found = EXPLANATIONS.find(([pattern]) => pattern.test(text));
  return `inbox-bullmq: ${found?.[1] ?? UNKNOWN}`;
}

export function inboxClosed(): WebhookError {
  return new WebhookError('closing', 'inbox-bullmq: the inbox is closed. Create another one.');
}

/** A WebhookError that says what to do, with the error as its cause. */
export function explain(error: unknown): Error {
  if (isWebhookError(error)) return error;
  const explanation = explanationOf(error);
  const code = explanation.endsWith(FULL) ? 'inbox_full' : 'inbox_unavailable';
  return new WebhookError(code, explanation, { cause: error });
}
