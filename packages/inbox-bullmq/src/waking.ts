import { createConnection, type ConnectionOptions } from './connection.ts';
import type { Queue } from './queues.ts';

/** How BullMQ wakes workers up: a marker, which goes to one that waits for it. */
export interface Waker {
  /** Whether the worker can take more than there is: if not, the marker is not for it. */
  setHungry(isHungry: boolean): void;
  stop(): void;
}

/** Seconds to wait for a marker at a time. */
const BLOCK_S = 5;
const BACKOFF_MS = 1000;

/**
 * Waits for the marker on a connection of its own, as BullMQ's workers do. Only while there is room:
 * a worker that is busy must not take it away from one that is not.
 */
export function createWaker(queue: Queue, options: ConnectionOptions, heard: () => void): Waker {
  const commandTimeoutMs = (BLOCK_S + 2) * 1000;
  const connection = createConnection({ ...options, commandTimeoutMs });
  const marker = queue.key('marker');
  let isHungry = false;
  let isStopped = false;
  let ring: () => void = () => undefined;

  async function wait(): Promise<void> {
    const found = await connection.run((client) => client.bzpopmin(marker, BLOCK_S));
    if (found === null || isStopped) return;
    if (isHungry) {
      isHungry = false;
      heard();
    } else await connection.run((client) => client.zadd(marker, 0, '0'));
  }

  async function loop(): Promise<void> {
    while (!isStopped) {
      if (!isHungry) await new Promise<void>((resolve) => (ring = resolve));
      else await wait().catch(() => (isStopped ? undefined : pause()));
    }
  }

  function pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, BACKOFF_MS);
      ring = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  void loop();
  return {
    setHungry(hungry) {
      isHungry = hungry;
      if (hungry) ring();
    },
    stop() {
      isStopped = true;
      ring();
      connection.client.disconnect();
    },
  };
}
