// One inbox of each kind for a test, in a place of its own that is removed afterwards.
import { memoryInbox, type Inbox } from '@novita-webhooks/core';
import { bullmqInbox } from '@novita-webhooks/inbox-bullmq';
import { postgresInbox } from '@novita-webhooks/inbox-postgres';
import { sqliteInbox } from '@novita-webhooks/inbox-sqlite';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { Pool } from 'pg';
import { onTestFinished } from 'vitest';

import { findPostgres, findRedis } from './services.ts';

const postgresUrl = await findPostgres('an inbox of each kind');
const redisUrl = await findRedis('an inbox of each kind');

async function openSqlite(): Promise<Inbox> {
  const folder = await mkdtemp(join(tmpdir(), 'inboxes-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return sqliteInbox({ path: join(folder, 'webhooks.db') });
}

async function openPostgres(): Promise<Inbox> {
  const pool = new Pool({ connectionString: postgresUrl });
  const schema = `inboxes_${randomUUID().replaceAll('-', '')}`;
  onTestFinished(async () => {
    await pool.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
    await pool.end();
  });
  return postgresInbox({ pool, schema });
}

async function openBullmq(): Promise<Inbox> {
  const prefix = `inboxes-${randomUUID()}`;
  onTestFinished(async () => {
    const redis = new Redis(redisUrl ?? '');
    const keys = await redis.keys(`${prefix}:*`);
    if (keys.length > 0) await redis.unlink(...keys);
    await redis.quit();
  });
  return bullmqInbox({ connection: redisUrl ?? '', prefix });
}

/** By name. Call it during a test. */
export const INBOXES: Readonly<Record<string, () => Promise<Inbox>>> = {
  memory: async () => memoryInbox(),
  SQLite: openSqlite,
  ...(postgresUrl !== undefined && { PostgreSQL: openPostgres }),
  ...(redisUrl !== undefined && { BullMQ: openBullmq }),
};
