import { WebhookError, type PollingInboxOptions } from '@novita-webhooks/core';
import type { Cluster, Redis, RedisOptions } from 'ioredis';

import { hasKeyPrefix, type RedisSource } from './client.ts';

/** Where the queues are, and how they are consumed. */
export interface BullmqInboxOptions extends Omit<PollingInboxOptions, 'clock'> {
  /**
   * Where Redis is: a URL, options for ioredis, or a client of it, which is duplicated (closing yours
   * stays up to you). The inbox makes connections of its own and closes them.
   */
  readonly connection: string | RedisOptions | Redis | Cluster;
  /** What BullMQ's keys begin with; default `bull`. In a Redis Cluster with a tag: `{novita}`. */
  readonly prefix?: string | undefined;
  /** What the names of the queues begin with; default `novita-webhooks`. */
  readonly queueNamePrefix?: string | undefined;
  /** How long to wait for an answer of Redis, in milliseconds; default 3 s. */
  readonly commandTimeoutMs?: number | undefined;
}

/** The options of the store, complete. */
export interface StoreOptions {
  readonly source: RedisSource;
  readonly prefix: string;
  readonly queueNamePrefix: string;
  readonly leaseDurationMs: number;
  readonly commandTimeoutMs: number;
}

/** @throws WebhookError `invalid_option` */
export function toStoreOptions(options: BullmqInboxOptions): StoreOptions {
  const { connection, prefix = 'bull', queueNamePrefix = 'novita-webhooks' } = options;
  const { leaseDurationMs = 30_000, commandTimeoutMs = 3000 } = options;
  if (!isSource(connection)) {
    throw invalid('connection must be a URL, options for ioredis, or a client of it');
  }
  if (hasKeyPrefix(connection)) {
    throw invalid(
      'BullMQ cannot use a keyPrefix of ioredis; give what keys begin with as `prefix`',
    );
  }
  if (typeof prefix !== 'string' || prefix === '') throw invalid('prefix must be a text');
  if (
    typeof queueNamePrefix !== 'string' ||
    queueNamePrefix === '' ||
    queueNamePrefix.includes(':')
  ) {
    throw invalid("queueNamePrefix must be a text without ':'");
  }
  return {
    source: connection,
    prefix,
    queueNamePrefix,
    leaseDurationMs: toMs('leaseDurationMs', leaseDurationMs),
    commandTimeoutMs: toMs('commandTimeoutMs', commandTimeoutMs),
  };
}

function isSource(connection: unknown): boolean {
  return typeof connection === 'object' ? connection !== null : typeof connection === 'string';
}

/** Timers take no more. */
const LONGEST_MS = 2 ** 31 - 1;

/** In whole milliseconds: Redis takes no others. */
function toMs(name: string, ms: unknown): number {
  if (typeof ms === 'number' && ms > 0 && ms <= LONGEST_MS) return Math.ceil(ms);
  throw invalid(`${name} must be a number above 0 and of no more than ${LONGEST_MS}`);
}

function invalid(message: string): WebhookError {
  return new WebhookError('invalid_option', `bullmqInbox: ${message}`);
}
