import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';

import { Worker } from 'bullmq';

import type { Connection } from '../connection/connection.ts';
import { toBullmqOptions, type EndpointQueue } from './queues.ts';
import { whenFirstNeeded, type WhenFirstNeeded } from './when-first-needed.ts';

/** What dashboards show as the worker that processes a job. */
export const WORKER_NAME: string = `${hostname()}.${process.pid}`;

/** How often in a lease BullMQ looks for jobs whose worker is gone. */
const CHECKS_PER_LEASE = 3;

/** BullMQ's own default, for a worker that is needed before the first claim. */
export const DEFAULT_LEASE_MS = 30_000;

/** The token of a lock, which is the fencing token of a claim: never the same twice. */
export function createToken(): string {
  return `${WORKER_NAME}.${randomUUID()}`;
}

/** A worker of BullMQ's without a processor: it hands out jobs, and looks for stalled ones. */
export function createWorker(
  connection: Connection,
  queue: EndpointQueue,
  prefix: string,
  /** Called when a job has gone back to the queue because its worker is gone. */
  onStalled: () => void,
): WhenFirstNeeded<Worker> {
  return whenFirstNeeded(connection, () => {
    const lockDuration = queue.leaseDurationMs ?? DEFAULT_LEASE_MS;
    const worker = new Worker(queue.name, null, {
      ...toBullmqOptions(connection, prefix),
      name: WORKER_NAME,
      autorun: false,
      lockDuration,
      stalledInterval: Math.ceil(lockDuration / CHECKS_PER_LEASE),
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
