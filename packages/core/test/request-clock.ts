import { createManualClock, type ManualClock } from '@novita-webhooks/testing';
import { AsyncLocalStorage } from 'node:async_hooks';

/** A runtime that ends the timers of a request together with it, as Cloudflare Workers do. */
interface RequestRuntime {
  /** For the `clock` option. Its timers belong to the request in which they were set. */
  readonly clock: ManualClock;
  /** Runs a request. It is over when its reply and the promises of `waitUntil` have settled. */
  request<T>(run: (waitUntil: (work: Promise<unknown>) => void) => Promise<T>): Promise<T>;
  /** Runs a request that the runtime cuts off at once, as when its client disconnects. */
  cutOff(run: () => Promise<unknown>): Promise<void>;
}

interface Timers {
  readonly add: (cancel: () => void) => void;
  /** Cancels the timers, and those that are set later. */
  readonly end: () => void;
}

function createTimers(): Timers {
  const cancels: (() => void)[] = [];
  let isOver = false;
  return {
    add: (cancel) => (isOver ? cancel() : void cancels.push(cancel)),
    end() {
      isOver = true;
      for (const cancel of cancels) cancel();
    },
  };
}

export function createRequestRuntime(): RequestRuntime {
  const manual = createManualClock();
  const requests = new AsyncLocalStorage<Timers>();
  const clock: ManualClock = {
    ...manual,
    after(delayMs, callback) {
      const cancel = manual.after(delayMs, callback);
      requests.getStore()?.add(cancel);
      return cancel;
    },
  };
  return {
    clock,
    async request(run) {
      const timers = createTimers();
      const works: Promise<unknown>[] = [];
      const reply = await requests.run(timers, () => run((work) => void works.push(work)));
      if (works.length === 0) timers.end();
      else void Promise.allSettled(works).then(timers.end);
      return reply;
    },
    async cutOff(run) {
      const timers = createTimers();
      requests.run(timers, () => void run());
      await manual.flush();
      timers.end();
    },
  };
}
