import type { Held, Lock } from '../bullmq/lock.ts';
import { createLostCalls } from '../bullmq/lost-calls.ts';
import type { EndpointQueue } from '../bullmq/queues.ts';
import { createWorker, DEFAULT_LEASE_MS } from '../bullmq/worker.ts';
import type { Connection } from '../connection/connection.ts';
import { within } from '../connection/within.ts';
import { createJobWaiter } from '../wake-up/job-waiter.ts';
import { putBack } from './settle.ts';
import { createTaker } from './take.ts';

/** Claims the jobs of one queue. */
export interface Claimer {
  /** Up to `limit` of them, or one that it takes over. Each has a token of its own. */
  claim(limit: number, leaseDurationMs: number): Promise<Held[]>;
  /** Whether the last claim found less than it asked for. */
  isShort(): boolean;
  /** Milliseconds until the second look at an entry that this process has looked at once. */
  secondLookMs(): number;
  /** Moves restored entries that are done or dead to their state: they are the next in the queue. */
  moveRestored(count: number): Promise<void>;
  /** See JobWaiter.subscribe. */
  subscribe(listener: () => void): () => void;
  close(): Promise<void>;
}

export function createClaimer(
  connection: Connection,
  queue: EndpointQueue,
  prefix: string,
): Claimer {
  const worker = createWorker(connection, queue, prefix, () => waiter.notify());
  const lostCalls = createLostCalls(queue);
  const taker = createTaker(connection, queue, lostCalls, worker.get);
  const waiter = createJobWaiter({
    open: worker.get,
    watch: lostCalls.watch,
    giveBack: (kept) => void giveBack(kept),
    onLastUnsubscribed: () => void stop(),
  });
  let isShort = false;
  let wasFull = false;

  async function stop(): Promise<void> {
    await worker.close();
    await within(connection.commandTimeoutMs, waiter.stopped());
    const kept = waiter.takeKept();
    if (kept !== null) await giveBack(kept);
  }

  /** If that fails, the lock expires, and the job goes back to the queue. */
  async function giveBack(kept: Lock): Promise<void> {
    const claims: Held[] = [];
    await taker.renewInto(claims, kept).catch(() => undefined);
    await putAllBack(queue, claims);
  }

  return {
    async claim(limit, leaseDurationMs) {
      queue.leaseDurationMs = leaseDurationMs;
      const claims = await taker.takeLost(leaseDurationMs);
      const kept = waiter.takeKept();
      if (kept !== null) await taker.renewInto(claims, { ...kept, leaseDurationMs });
      isShort = false;
      // One to begin with, since mostly there is no more, or all after a claim that got all.
      let asked = wasFull ? limit : 1;
      while (claims.length < limit && !isShort && !claims.some(isTakeover)) {
        isShort = await taker.takeInto(
          claims,
          Math.min(asked, limit - claims.length),
          leaseDurationMs,
        );
        asked *= 2;
      }
      wasFull = claims.length === limit;
      if (isShort) waiter.wait();
      await putAllBack(queue, claims.splice(limit));
      return keepTakeoverAlone(queue, claims);
    },
    async moveRestored(count) {
      const claims: Held[] = [];
      await taker.takeInto(claims, count, queue.leaseDurationMs ?? DEFAULT_LEASE_MS);
      // Another worker has moved the restored ones, and these wait behind them.
      await putAllBack(queue, claims);
    },
    isShort: () => isShort,
    secondLookMs: taker.secondLookMs,
    subscribe: waiter.subscribe,
    close: stop,
  };
}

const isTakeover = (claim: Held): boolean => claim.isTakeover === true;

/** Beside a takeover nothing else is returned. */
async function keepTakeoverAlone(queue: EndpointQueue, claims: Held[]): Promise<Held[]> {
  const takeover = claims.find(isTakeover);
  if (takeover === undefined) return claims;
  const others = claims.filter((claim) => claim !== takeover);
  await putAllBack(queue, others);
  return [takeover];
}

/** Of what cannot be put back the lock expires. */
async function putAllBack(queue: EndpointQueue, claims: readonly Held[]): Promise<void> {
  await Promise.allSettled(claims.map((claim) => putBack(queue, claim)));
}
