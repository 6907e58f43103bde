import type { Clock } from '@novita-webhooks/core';
import { setImmediate } from 'node:timers/promises';

/** A clock that jumps from one event to the next: an hour passes as fast as its events are worked off. */
export interface EventClock extends Clock {
  sleep(ms: number): Promise<void>;
  /** Goes on until `time`, in milliseconds since the beginning. */
  runUntil(time: number): Promise<void>;
  /** Callbacks that were called until now. */
  events(): number;
}

interface Timer {
  readonly dueAt: number;
  readonly order: number;
  /** `null`: cancelled. */
  callback: (() => void) | null;
}

/** Begins at 0. What is due at the same time comes in the order in which it was asked for. */
export function createEventClock(): EventClock {
  const heap: Timer[] = [];
  let now = 0;
  let order = 0;
  let events = 0;

  function after(delayMs: number, callback: () => void): () => void {
    const timer: Timer = { dueAt: now + Math.max(0, delayMs), order: (order += 1), callback };
    push(heap, timer);
    return () => (timer.callback = null);
  }

  return {
    now: () => now,
    after,
    sleep: (ms) => new Promise((resolve) => void after(ms, resolve)),
    events: () => events,
    async runUntil(time) {
      await setImmediate();
      for (let [first] = heap; first !== undefined && first.dueAt <= time; [first] = heap) {
        pop(heap);
        if (first.callback === null) continue;
        now = first.dueAt;
        events += 1;
        first.callback();
        // Promises settle before the next turn of the event loop, however long their chains are.
        await setImmediate();
      }
      now = time;
    },
  };
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.dueAt === b.dueAt ? a.order < b.order : a.dueAt < b.dueAt;
}

function push(heap: Timer[], timer: Timer): void {
  let at = heap.push(timer) - 1;
  while (at > 0) {
    const above = (at - 1) >> 1;
    const parent = heap[above];
    if (parent === undefined || !isBefore(timer, parent)) break;
    heap[at] = parent;
    at = above;
  }
  heap[at] = timer;
}

function pop(heap: Timer[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let at = 0;
  for (;;) {
    const [left, right] = [heap[2 * at + 1], heap[2 * at + 2]];
    if (left === undefined) break;
    const isRight = right !== undefined && isBefore(right, left);
    const child = isRight ? right : left;
    if (!isBefore(child, last)) break;
    heap[at] = child;
    at = 2 * at + (isRight ? 2 : 1);
  }
  heap[at] = last;
}
