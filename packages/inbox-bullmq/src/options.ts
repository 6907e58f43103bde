import { WebhookError, type PollingInboxOptions } from '@novita-webhooks/core';
import type { Cluster, Redis, RedisOptions } from 'ioredis';

import { hasKeyPrefix, type RedisSource } from './connection/client.ts';

/** Where the queues are, and how they are consumed. */
export interface BullmqInboxOptions extends Omit<PollingInboxOptions, 'clock'> {
  /**
   * Where Redis is: a URL, options for ioredis, or a client of it. A client is duplicated; you close
   * yours. The inbox closes the connections that it makes.
   */
  readonly connection: string | RedisOptions | Redis | Cluster;
  /** What BullMQ's keys begin with; default `bull`. In a Redis Cluster, a hash tag: `{novita}`. */
  readonly prefix?: string | undefined;
  /** What the names of the queues begin with; default `novita-webhooks`. */
  readonly queueNamePrefix?: string | undefined;
  /** How long Redis may be silent, in milliseconds; default 3 s. */
  readonly commandTimeoutMs?: number | undefined;
}

/** The options of the store, complete. */
export interface StoreOptions {
  readonly source: RedisSource;
  readonly prefix: string;
  readonly queueNamePrefix: string;
  readonly commandTimeoutMs: number;
}

/** @throws WebhookError `invalid_option` */
export function toStoreOptions(options: BullmqInboxOptions): StoreOptions {
  const { connection, prefix = 'bull', queueNamePrefix = 'novita-webhooks' } = options;
  const { commandTimeoutMs = 3000 } = options;
  checkConnection(connection);
  check(!hasKeyPrefix(connection), 'BullMQ cannot use a keyPrefix of ioredis. Set `prefix`.');
  check(isText(prefix), 'prefix must be a text that is not empty.');
  check(
    isText(queueNamePrefix) && !queueNamePrefix.includes(':'),
    "queueNamePrefix must be a text that is not empty and has no ':'.",
  );
  return {
    source: connection,
    prefix,
    queueNamePrefix,
    commandTimeoutMs: toMs('commandTimeoutMs', commandTimeoutMs),
  };
}

/** @throws WebhookError `invalid_option` unless BullMQ can take the lease */
export function checkLease({ leaseDurationMs }: Pick<BullmqInboxOptions, 'leaseDurationMs'>): void {
  if (leaseDurationMs !== undefined) toMs('leaseDurationMs', leaseDurationMs);
}

/** Without its text in the message: it may hold a password. */
function checkConnection(connection: unknown): void {
  const wanted = 'Pass a URL as redis://127.0.0.1:6379, options for ioredis, or a client of it.';
  if (typeof connection === 'string') {
    const isPath = connection.startsWith('/'); // of a socket
    check(isPath || isRedisUrl(connection), `connection is not a URL of Redis. ${wanted}`);
    const ours = isPath
      ? undefined
      : OURS.find((name) => new URL(connection).searchParams.has(name));
    check(
      ours === undefined,
      `connection has the parameter ${ours ?? ''}, as an address of the command line. Pass it as the option ${ours ?? ''}.`,
    );
    return;
  }
  const isObject = Object(connection) === connection && !Array.isArray(connection);
  const found = isObject ? '' : `connection is ${connection === null ? 'null' : typeof connection}`;
  check(isObject, `${found}. ${wanted}`);
  const { db = 0 } = connection as RedisOptions;
  check(Number.isInteger(db) && db >= 0, 'connection.db must be a whole number, 0 or more.');
}

/** ioredis ignores them, so the entries would be in other queues. */
const OURS = ['prefix', 'queueNamePrefix'];

function isRedisUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, pathname, searchParams } = new URL(text);
  const db = searchParams.get('db') ?? pathname.replace(/^\//, '');
  return /^rediss?:$/.test(protocol) && /^\d*$/.test(db);
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

/** What a timer can hold. */
const MAX_MS = 2 ** 31 - 1;

/** In whole milliseconds, as Redis takes them. */
function toMs(name: string, ms: unknown): number {
  const isValid = typeof ms === 'number' && ms > 0 && ms <= MAX_MS;
  check(isValid, `${name} must be a number above 0, at most ${MAX_MS}.`);
  return Math.ceil(ms as number);
}

function check(isValid: boolean, message: string): void {
  if (!isValid) throw new WebhookError('invalid_option', `inbox-bullmq: ${message}`);
}
