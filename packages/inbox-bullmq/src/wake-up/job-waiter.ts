import type { Worker } from 'bullmq';

import type { Lock } from '../bullmq/lock.ts';
import type { LostCalls } from '../bullmq/lost-calls.ts';
import type { EntryJob } from '../bullmq/progress.ts';
import { createToken } from '../bullmq/worker.ts';

/**
 * Waits for jobs. BullMQ wakes up one of the workers that wait, and gives it the job at once. So the
 * job is kept for the claim that follows.
 */
export interface JobWaiter {
  /** Waits for a job, unless it waits already or has no listener. */
  wait(): void;
  /** Tells the listeners that there may be something to claim. */
  notify(): void;
  /** The job that came. */
  takeKept(): Lock | null;
  /** Calls `listener` when there may be something to claim, until the returned function is called. */
  subscribe(listener: () => void): () => void;
  /** Resolves when it does not wait any more. */
  stopped(): Promise<void>;
}

interface JobWaiterOptions {
  readonly open: () => Promise<Worker>;
  /** See LostCalls. */
  readonly watch: LostCalls['watch'];
  /** Called with a job that no claim has taken, because all of this process is busy. */
  readonly giveBack: (kept: Lock) => void;
  readonly onLastUnsubscribed: () => void;
}

/** How long a job is kept for a claim, in milliseconds. */
const KEEP_MS = 100;
/** A wait that ends sooner without a job was none: the queue is paused, or Redis is away. */
const MIN_WAIT_MS = 50;
/** Calls until BullMQ waits: at first it looks for a job, and for the time of a delayed one. */
const MAX_CALLS = 3;
/** Time until the next look when BullMQ does not wait, in milliseconds. */
const RECHECK_MS = 250;

export function createJobWaiter(options: JobWaiterOptions): JobWaiter {
  const { open, watch, giveBack, onLastUnsubscribed } = options;
  const listeners = new Set<() => void>();
  let waiting: Promise<void> | undefined;
  let kept: (Lock & { readonly timer: NodeJS.Timeout }) | null = null;

  function takeKept(): Lock | null {
    const taken = kept;
    kept = null;
    if (taken !== null) clearTimeout(taken.timer);
    return taken;
  }

  function keep(locked: Lock): void {
    const giveBackKept = () => {
      if (takeKept() !== null) giveBack(locked);
    };
    kept = { ...locked, timer: setTimeout(giveBackKept, listeners.size > 0 ? KEEP_MS : 0) };
  }

  function notify(): void {
    for (const listener of listeners) listener();
  }

  async function waitForJob(): Promise<void> {
    const worker = await open();
    for (let call = 0; call < MAX_CALLS && listeners.size > 0; call += 1) {
      const startedAt = performance.now();
      const token = createToken();
      const next = watch(token, () => worker.getNextJob(token, { block: true }));
      const job = (await next) as EntryJob | undefined;
      const leaseDurationMs = worker.opts.lockDuration ?? 0;
      if (job !== undefined) keep({ job, token, leaseDurationMs });
      if (job !== undefined || performance.now() - startedAt > MIN_WAIT_MS) {
        waiting = undefined;
        return notify();
      }
    }
    setTimeout(notify, RECHECK_MS);
  }

  return {
    notify,
    takeKept,
    wait() {
      if (listeners.size === 0) return;
      // Without a wait, polling goes on.
      waiting ??= waitForJob()
        .catch(() => undefined)
        .finally(() => (waiting = undefined));
    },
    subscribe(listener) {
      const own = () => listener(); // the same function may be given twice
      listeners.add(own);
      return () => {
        listeners.delete(own);
        if (listeners.size === 0) onLastUnsubscribed();
      };
    },
    stopped: async () => waiting,
  };
}
