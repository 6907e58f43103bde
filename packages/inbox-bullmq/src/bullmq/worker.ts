import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';

import { Worker } from 'bullmq';

import type { Connection } from '../connection/connection.ts';
import { toBullmqOptions } from './queues.ts';
import { whenFirstNeeded, type WhenFirstNeeded } from './when-first-needed.ts';

/** What dashboards show as the worker that processes a job. */
const WORKER_NAME = `${hostname()}.${process.pid}`;

/** How often in a lease BullMQ looks for jobs whose worker is gone. */
const CHECKS_PER_LEASE = 3;

/** The token of a lock, which is the fencing token of a claim: never the same twice. */
export function createToken(): string {
  return `${WORKER_NAME}.${randomUUID()}`;
}

export interface WorkerOptions {
  readonly queueName: string;
  readonly prefix: string;
  readonly leaseDurationMs: number;
  /** Called when a job has gone back to the queue because its worker is gone. */
  readonly onStalled: () => void;
}

/** A worker of BullMQ's without a processor: it hands out jobs, and looks for stalled ones. */
export function createWorker(
  connection: Connection,
  { queueName, prefix, leaseDurationMs, onStalled }: WorkerOptions,
): WhenFirstNeeded<Worker> {
  return whenFirstNeeded(connection, () => {
    const worker = new Worker(queueName, null, {
      ...toBullmqOptions(connection, prefix),
      name: WORKER_NAME,
      autorun: false,
      lockDuration: leaseDurationMs,
      stalledInterval: Math.ceil(leaseDurationMs / CHECKS_PER_LEASE),
      // A worker that dies costs an attempt. The receiver limits attempts.
      maxStalledCount: Number.MAX_SAFE_INTEGER,
    });
    worker.on('stalled', onStalled);
    worker
      .waitUntilReady()
      .then(() => worker.startStalledCheckTimer())
      .catch(ignore);
    return worker;
  });
}

function ignore(): void {
  // The caller that needs the worker gets the error.
}
