// The second process of the contract: runs a receiver on the inbox, and does what its parent requests.
import {
  createReceiver,
  PermanentError,
  type DiscardManyResult,
  type Entry,
  type EntryFilter,
  type EntryKey,
  type EntryPage,
  type EntryQuery,
  type ImportResult,
  type Inbox,
  type Logger,
  type NewEntry,
  type ReplayManyResult,
} from '@novita-webhooks/core';

import { TEST_SECRET } from '../../../samples/signed-delivery.ts';

/** What a handler of the process does with an entry. */
export type HandlerPlan =
  /** Computes for so many milliseconds without yielding. */
  | { readonly type: 'block'; readonly ms: number }
  /** Waits until the parent sends `release`. */
  | { readonly type: 'hold' }
  /** Fails for good: the entry becomes a dead letter. */
  | { readonly type: 'fail' }
  /** Ends its process if it is the given task, and otherwise takes a few milliseconds. */
  | { readonly type: 'poison'; readonly taskId: string };

export interface ProcessRequests {
  readonly consume: (plan: HandlerPlan) => null;
  readonly add: (entry: NewEntry) => string;
  readonly get: (key: EntryKey) => Entry | null;
  readonly release: () => null;
  readonly list: (query: EntryQuery) => EntryPage;
  readonly import: (lines: readonly string[]) => ImportResult;
  readonly replayMany: (filter: EntryFilter, cursor?: string) => ReplayManyResult;
  readonly discardMany: (filter: EntryFilter, cursor?: string) => DiscardManyResult;
  readonly discard: (key: EntryKey) => boolean;
}

/** What the process reports to its parent. */
export type ProcessMessage =
  | { readonly type: 'ready' }
  | { readonly type: 'response'; readonly id: number; readonly value?: unknown }
  | { readonly type: 'begin' | 'end'; readonly taskId: string }
  /** Of `replayMany` or `discardMany`. */
  | { readonly type: 'progress'; readonly cursor: string | null }
  | { readonly type: 'warning'; readonly message: string };

/** Lease and polling of the inbox, in milliseconds, as the contract needs them. */
export type OpenContractInbox = (options: {
  readonly leaseDurationMs: number;
  readonly pollIntervalMs: number;
}) => Inbox | Promise<Inbox>;

export const PROCESS_LEASE_MS = 1000;
const OPTIONS = { leaseDurationMs: PROCESS_LEASE_MS, pollIntervalMs: 50 };

/**
 * Runs the process that `InboxSubject.startProcess` starts, until its parent ends.
 *
 * @example
 * // process.ts, started with fork('process.ts', [path])
 * await runContractProcess((options) => sqliteInbox({ path: process.argv[2], ...options }));
 */
export async function runContractProcess(open: OpenContractInbox): Promise<void> {
  process.once('disconnect', () => process.exit());
  const requests = respondWith(await open(OPTIONS));
  process.on('message', (message) => {
    const { id, name, args } = message as {
      id: number;
      name: keyof ProcessRequests;
      args: unknown[];
    };
    const respond = requests[name] as (...values: unknown[]) => unknown;
    void Promise.resolve(respond(...args)).then((value) =>
      report({ type: 'response', id, value: value ?? null }),
    );
  });
  report({ type: 'ready' });
}

function respondWith(inbox: Inbox) {
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  return {
    add: (entry: NewEntry) => inbox.add(entry),
    get: (key: EntryKey) => inbox.get(key),
    discard: (key: EntryKey) => inbox.discard(key),
    release,
    list: (query: EntryQuery) => inbox.list(query),
    import: (lines: readonly string[]) => inbox.import(lines),
    replayMany: (filter: EntryFilter, cursor?: string) =>
      inbox.replayMany(filter, { cursor, onProgress: reportProgress }),
    discardMany: (filter: EntryFilter, cursor?: string) =>
      inbox.discardMany(filter, { cursor, onProgress: reportProgress }),
    consume(plan: HandlerPlan) {
      const receiver = createReceiver({
        secret: TEST_SECRET,
        inbox,
        logger: toReports(),
        handlers: { concurrency: 10 },
        retry: { maxAttempts: 3, delay: () => 0 },
      });
      receiver.onTaskFinished(
        { handlerName: 'contract' },
        async ({ task: { task_id: taskId } }) => {
          report({ type: 'begin', taskId });
          await follow(plan, taskId, released);
          report({ type: 'end', taskId });
        },
      );
      receiver.start();
    },
  };
}

async function follow(plan: HandlerPlan, taskId: string, released: Promise<void>): Promise<void> {
  if (plan.type === 'hold') return released;
  if (plan.type === 'fail') throw new PermanentError('no use');
  if (plan.type === 'block') {
    const until = performance.now() + plan.ms;
    while (performance.now() < until); // as a long computation does
    return;
  }
  // The poison waits until it runs beside the others, unless it runs alone.
  await new Promise((resolve) => setTimeout(resolve, plan.taskId === taskId ? 30 : 60));
  if (plan.taskId === taskId) process.kill(process.pid, 'SIGKILL');
}

function reportProgress({ cursor }: { readonly cursor: string | null }): void {
  report({ type: 'progress', cursor });
}

function toReports(): Logger {
  const ignore = (): void => undefined;
  const warn = (_: unknown, message: string) => report({ type: 'warning', message });
  return { debug: ignore, info: ignore, warn, error: warn };
}

function report(message: ProcessMessage): void {
  process.send?.(message);
}
