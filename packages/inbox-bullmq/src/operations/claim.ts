import type { Claim } from '@novita-webhooks/core';
import { UnrecoverableError } from 'bullmq';

import { toEntry, toProgress, uncountedOf, writeProgress, type EntryJob } from '../bullmq/job.ts';
import type { EndpointQueue } from '../bullmq/queues.ts';
import { createToken, createWorker } from '../bullmq/worker.ts';
import type { Connection } from '../connection/connection.ts';
import { within } from '../connection/within.ts';
import { createJobWaiter, type LockedJob } from '../wake-up/job-waiter.ts';
import { extendLock, settle } from './settle.ts';

/** A claimed job, so that it need not be read again to settle it. */
interface Held extends Claim {
  readonly job: EntryJob;
}

/** Claims the jobs of one queue. */
export interface Claimer {
  /** Up to `limit` of them. Each has a token of its own. */
  claim(limit: number): Promise<Held[]>;
  /** Whether the last claim found less than it asked for. */
  isShort(): boolean;
  /** See JobWaiter.subscribe. */
  subscribe(listener: () => void): () => void;
  close(): Promise<void>;
}

interface ClaimerOptions {
  readonly prefix: string;
  readonly leaseDurationMs: number;
}

export function createClaimer(
  connection: Connection,
  queue: EndpointQueue,
  { prefix, leaseDurationMs }: ClaimerOptions,
): Claimer {
  const worker = createWorker(connection, {
    queueName: queue.name,
    prefix,
    leaseDurationMs,
    onStalled: () => waiter.notify(),
  });
  const waiter = createJobWaiter({
    open: worker.get,
    giveBack: (kept) => void giveBack(queue, kept, leaseDurationMs).catch(ignore),
    onLastUnsubscribed: () => void stop(),
  });
  let isShort = false;
  let wasFull = false;

  async function stop(): Promise<void> {
    await worker.close();
    await within(connection.commandTimeoutMs, waiter.stopped());
    const kept = waiter.takeKept();
    if (kept !== null) await giveBack(queue, kept, leaseDurationMs).catch(ignore);
  }

  async function takeNext(): Promise<LockedJob | null> {
    const token = createToken();
    const bullmq = await worker.get();
    const next = connection.run(() => bullmq.getNextJob(token, { block: false }));
    const job = (await next) as EntryJob | undefined;
    return job === undefined ? null : { job, token };
  }

  return {
    async claim(limit) {
      const kept = waiter.takeKept();
      const first = kept && (await renew(queue, kept, leaseDurationMs));
      const claims = first === null ? [] : [first];
      isShort = false;
      // One to begin with, since mostly there is no more, or all after a claim that got all.
      for (let asked = wasFull ? limit : 1; claims.length < limit && !isShort; asked *= 2) {
        const count = Math.min(asked, limit - claims.length);
        isShort = await claimInto(claims, count, queue, takeNext, leaseDurationMs);
      }
      wasFull = claims.length === limit;
      if (isShort) waiter.wait();
      return claims;
    },
    isShort: () => isShort,
    subscribe: waiter.subscribe,
    close: stop,
  };
}

/**
 * Takes up to `count` jobs at the same time, since BullMQ hands out one at a time, and returns whether
 * there were less. A call that fails may have taken a job all the same. The lock of that job expires.
 */
async function claimInto(
  claims: Held[],
  count: number,
  queue: EndpointQueue,
  takeNext: () => Promise<LockedJob | null>,
  leaseDurationMs: number,
): Promise<boolean> {
  const results = await Promise.allSettled(
    Array.from({ length: count }, async () => {
      const locked = await takeNext();
      return locked && { claim: await toClaim(queue, locked, leaseDurationMs) };
    }),
  );
  for (const one of results) {
    if (one.status === 'fulfilled' && one.value?.claim) claims.push(one.value.claim);
  }
  const failed = results.find((one) => one.status === 'rejected');
  if (failed !== undefined && claims.length === 0) throw failed.reason;
  return results.some((one) => one.status === 'rejected' || one.value === null);
}

/** The claim that a job stands for. A job that is no entry of ours fails. */
async function toClaim(
  queue: EndpointQueue,
  { job, token }: LockedJob,
  leaseDurationMs: number,
): Promise<Held | null> {
  const entry = toEntry(job, { endpoint: queue.endpoint, isActive: true, leaseDurationMs });
  if (entry === null) {
    const error = new UnrecoverableError('this job is no entry of this inbox');
    await queue.run(() => job.moveToFailed(error, token));
    return null;
  }
  if (entry.schemaError !== null) await noteToken(queue, job, token);
  return { ...entry, fencingToken: token, job };
}

/** For an entry that fits the schema and has to take the place of this one. */
async function noteToken(queue: EndpointQueue, job: EntryJob, token: string): Promise<void> {
  const progress = toProgress(job) ?? {
    succeededHandlers: [],
    reason: null,
    uncounted: uncountedOf(job),
  };
  await queue.run(() => writeProgress(job, { ...progress, token }));
}

/** The lock of a kept job began before the claim was asked for. */
async function renew(
  queue: EndpointQueue,
  locked: LockedJob,
  leaseDurationMs: number,
): Promise<Held | null> {
  const isHeld = await extendLock(queue, locked.job, locked.token, leaseDurationMs);
  return isHeld ? toClaim(queue, locked, leaseDurationMs) : null;
}

async function giveBack(
  queue: EndpointQueue,
  locked: LockedJob,
  leaseDurationMs: number,
): Promise<void> {
  const claim = await renew(queue, locked, leaseDurationMs);
  const released = { type: 'released', delayMs: 0, succeededHandlers: [] } as const;
  if (claim !== null) await settle(queue, claim, released, leaseDurationMs);
}

function ignore(): void {
  // Then the lock expires, and the job goes back to the queue.
}
