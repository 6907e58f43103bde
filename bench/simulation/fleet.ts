import {
  createReceiver,
  exponentialBackoff,
  pollingInbox,
  type Inbox,
  type Logger,
  type Receiver,
  type WebhookReply,
} from '@novita-webhooks/core';

import type { Random } from '../../test/crash/random.ts';
import { never, type ProcessClock, type SimulatedEngine } from './engine.ts';
import type { EventClock } from './event-clock.ts';
import { createThread, type Station } from './station.ts';

/** What a process is made of. Times in milliseconds. */
interface FleetOptions {
  readonly clock: EventClock;
  readonly random: Random;
  readonly engine: SimulatedEngine;
  /** Where all processes share the cores of one machine. */
  readonly machine?: Station | undefined;
  readonly log?: Logger | undefined;
  readonly pollIntervalMs?: number | undefined;
  readonly leaseDurationMs?: number | undefined;
}

export interface Web {
  /** Posts an event to it. Never answers when it is dead. */
  deliver(body: string): Promise<WebhookReply>;
  isAlive(): boolean;
  kill(): void;
}

export interface WebOptions extends FleetOptions {
  /** Processor time of a request, without what the engine's client takes. */
  readonly requestMs: number;
}

export interface WorkerOptions extends FleetOptions {
  readonly concurrency: number;
  /** Processor time of an attempt, without what the engine's client takes. */
  readonly entryMs: number;
  /** What the handler does besides: waits, and stops when it is told to. Drawn for every run. */
  readonly handle: (taskId: string, signal: AbortSignal) => Promise<void>;
}

export interface SimulatedWorker {
  readonly receiver: Receiver;
  kill(): void;
}

export function createProcessClock(clock: EventClock): ProcessClock & { kill(): void } {
  let alive = true;
  return {
    now: clock.now,
    after(delayMs, callback) {
      return clock.after(delayMs, () => {
        if (alive) callback();
      });
    },
    isAlive: () => alive,
    kill: () => void (alive = false),
  };
}

export function startWeb(options: WebOptions): Web {
  const clock = createProcessClock(options.clock);
  const thread = createThread(options.clock, options.machine ?? null);
  const receiver = createReceiver({
    insecure: true, // a token is checked elsewhere than on the event loop; its time is in requestMs
    inbox: toInbox(options, clock, thread),
    consume: false,
    clock,
    logger: options.log,
  });
  return {
    async deliver(body) {
      await thread.use(options.requestMs);
      if (!clock.isAlive()) return never();
      const headers = { 'content-type': 'application/json' };
      return receiver.handle({ method: 'POST', url: '/', headers, body });
    },
    isAlive: clock.isAlive,
    kill: clock.kill,
  };
}

export function startWorker(options: WorkerOptions): SimulatedWorker {
  const { concurrency, entryMs, handle, random } = options;
  const clock = createProcessClock(options.clock);
  const thread = createThread(options.clock, options.machine ?? null);
  const receiver = createReceiver({
    inbox: toInbox(options, clock, thread),
    handlers: { concurrency },
    retry: { delay: exponentialBackoff({ random: random.next }) },
    clock,
    logger: options.log,
  });
  receiver.onTaskSucceeded(async ({ task }, { signal }) => {
    await thread.use(entryMs);
    if (clock.isAlive()) await handle(task.task_id, signal);
    if (!clock.isAlive()) await never();
  });
  receiver.start();
  return { receiver, kill: clock.kill };
}

function toInbox(
  { engine, pollIntervalMs, leaseDurationMs }: FleetOptions,
  clock: ProcessClock,
  thread: Station,
): Inbox {
  const retention = { doneMs: 3_600_000, deadMs: 3_600_000 };
  return pollingInbox(engine.connect(clock, thread), {
    clock,
    pollIntervalMs,
    leaseDurationMs,
    retention,
  });
}
