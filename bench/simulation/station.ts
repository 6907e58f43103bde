import type { EventClock } from './event-clock.ts';

/** Something that serves so many at a time, in the order in which they come. */
export interface Station {
  /** Resolves when `ms` milliseconds of service were given; `false`: sent away before its turn. */
  use(ms: number): Promise<boolean>;
  /** Holds a place for as long as `work` takes. */
  hold<T>(work: () => Promise<T>): Promise<T | undefined>;
  /** Sends away who waits. */
  clear(): void;
  waiting(): number;
  /** Of all servers together, until now, in milliseconds. */
  busyTimeoutMs(): number;
}

export function createStation(clock: EventClock, servers: number): Station {
  let queue: ((isServed: boolean) => void)[] = [];
  let head = 0;
  let busy = 0;
  let busyTimeoutMs = 0;

  function acquire(): Promise<boolean> | true {
    if (busy < servers) {
      busy += 1;
      return true;
    }
    return new Promise((resolve) => void queue.push(resolve));
  }

  function release(): void {
    const next = queue[head];
    if (next === undefined) {
      busy -= 1;
      queue = [];
      head = 0;
      return;
    }
    head += 1;
    if (head > 1000 && head * 2 > queue.length) {
      queue = queue.slice(head);
      head = 0;
    }
    next(true);
  }

  async function hold<T>(work: () => Promise<T>): Promise<T | undefined> {
    if (!(await acquire())) return undefined;
    const began = clock.now();
    try {
      return await work();
    } finally {
      busyTimeoutMs += clock.now() - began;
      release();
    }
  }

  return {
    hold,
    async use(ms) {
      const served = await hold(async () => {
        await clock.sleep(ms);
        return true as const;
      });
      return served ?? false;
    },
    clear() {
      const left = queue.slice(head);
      queue = [];
      head = 0;
      for (const sendAway of left) sendAway(false);
    },
    waiting: () => queue.length - head,
    busyTimeoutMs: () => busyTimeoutMs,
  };
}

/** A process's one thread, on a machine whose cores others may use, too. */
export function createThread(clock: EventClock, machine: Station | null): Station {
  const thread = createStation(clock, 1);
  if (machine === null) return thread;
  return { ...thread, use: async (ms) => (await thread.hold(() => machine.use(ms))) ?? false };
}
