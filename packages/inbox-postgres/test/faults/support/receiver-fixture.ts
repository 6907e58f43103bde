import { randomUUID } from 'node:crypto';
import { Agent, createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

import { createReceiver } from '@novita-webhooks/core';
import { toNodeHandler } from '@novita-webhooks/core/node';
import { sampleEvents, TEST_SECRET } from '@novita-webhooks/testing';
import { postgresInbox } from '@novita-webhooks/inbox-postgres';
import { Pool, type PoolConfig } from 'pg';

import { send } from '../../../../inbox-sqlite/test/faults/support/send.ts';

/** A receiver with a PostgreSQL inbox, under a constant load of deliveries. */
export interface ReceiverFixture {
  readonly pool: Pool;
  /** All log lines. */
  log(): string;
  /** Delivers an event once, and returns the status of the reply. */
  deliver(taskId: string): Promise<number>;
  /** Resolves after `MIN_ACKNOWLEDGED` acknowledged deliveries, or after `TIMEOUT_MS`. */
  waitForLoad(): Promise<void>;
  /** Delivers events until a reply has the status. */
  waitForStatus(status: number): Promise<void>;
  /** Stops the load and waits until every acknowledged event was handled. */
  finish(): Promise<Summary>;
  close(): Promise<void>;
}

interface Summary {
  readonly acknowledged: number;
  /** Acknowledged, but not handled. */
  readonly lost: readonly string[];
  /** How many replies were 503. */
  readonly refused: number;
  /** The statuses of all replies but 200 and 503. */
  readonly other: readonly number[];
  readonly slowestMs: number;
}

/** Shorter than the default, so that the tests are. */
export const REPLY_TIMEOUT_MS = 800;
const TIMEOUT_MS = 15_000;
const CONCURRENT_DELIVERIES = 6;
export const MIN_ACKNOWLEDGED = 50;

export async function startReceiver(
  port: number,
  config: PoolConfig = {},
): Promise<ReceiverFixture> {
  const pool = new Pool({
    host: '127.0.0.1',
    port,
    user: 'postgres',
    database: 'postgres',
    max: 8,
    ...config,
  });
  const lines: string[] = [];
  const note = (details: unknown, message: string) =>
    void lines.push(`${message} ${JSON.stringify(details)}`);
  const receiver = createReceiver({
    secret: TEST_SECRET,
    url: 'http://127.0.0.1/webhooks',
    inbox: postgresInbox({ pool, queryTimeoutMs: 500, leaseDurationMs: 2000, pollIntervalMs: 100 }),
    limits: { replyTimeoutMs: REPLY_TIMEOUT_MS },
    retry: { maxAttempts: 1000, delay: () => 50 },
    logger: { debug: note, info: note, warn: note, error: note },
  });
  const handled = new Set<string>();
  receiver.onTaskSucceeded(({ task }) => void handled.add(task.task_id));
  receiver.start();
  const handle = toNodeHandler(receiver);
  const server = createServer((request, response) => void handle(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const agent = new Agent({ keepAlive: true });
  const { port: own } = server.address() as AddressInfo;
  const { url } = await receiver.createCallback({});

  const acknowledged = new Set<string>();
  const answers: { readonly status: number; readonly ms: number }[] = [];
  async function deliver(taskId: string): Promise<number> {
    const body = JSON.stringify(sampleEvents.imageSucceeded({ taskId, callbackUrl: url }));
    const answer = await send({ port: own, agent, method: 'POST', url, body });
    answers.push(answer);
    if (answer.status === 200) acknowledged.add(taskId);
    return answer.status;
  }

  let isLoading = true;
  const load = Array.from({ length: CONCURRENT_DELIVERIES }, async () => {
    while (isLoading) {
      const taskId = randomUUID();
      for (let tries = 0; tries < 5 && (await deliver(taskId)) !== 200; tries += 1) await pause(50);
      await pause(5);
    }
  });
  const lost = () => [...acknowledged].filter((taskId) => !handled.has(taskId));

  return {
    pool,
    deliver,
    log: () => lines.join('\n'),
    async waitForLoad() {
      const deadline = performance.now() + TIMEOUT_MS;
      while (acknowledged.size < MIN_ACKNOWLEDGED && performance.now() < deadline) await pause(20);
    },
    async waitForStatus(status) {
      const deadline = performance.now() + TIMEOUT_MS;
      while ((await deliver(randomUUID())) !== status) {
        if (performance.now() > deadline) throw new Error(`no reply was ${status}`);
        await pause(20);
      }
    },
    async finish() {
      isLoading = false;
      await Promise.all(load);
      const deadline = performance.now() + TIMEOUT_MS;
      while (lost().length > 0 && performance.now() < deadline) await pause(50);
      const statuses = answers.map(({ status }) => status);
      return {
        acknowledged: acknowledged.size,
        lost: lost(),
        refused: statuses.filter((status) => status === 503).length,
        other: statuses.filter((status) => status !== 503 && status !== 200),
        slowestMs: Math.max(...answers.map(({ ms }) => ms)),
      };
    },
    async close() {
      isLoading = false;
      await Promise.allSettled(load);
      server.close();
      await receiver.close({ gracePeriodMs: 500 });
      agent.destroy();
      await pool.end();
    },
  };
}
