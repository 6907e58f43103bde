import type { Inbox } from './ports.ts';
import { fromInbox } from './from-inbox.ts';
import { readPages } from './read-pages.ts';
import { milliseconds, parseArgument, strictOptions } from '../shared/check-options.ts';
import { monotonicMs, systemClock } from '../shared/clock.ts';
import { WebhookError } from '../shared/errors.ts';

/** What `receiver.idle()` waits for. */
export interface IdleOptions {
  /** Milliseconds after which it rejects; default: it waits for ever. */
  readonly timeoutMs?: number | undefined;
}

/** What the wait looks at. */
export interface IdleParts {
  readonly inbox: Inbox;
  readonly endpoint: string;
  /** Whether this process takes entries from the inbox now. */
  readonly isConsuming: () => boolean;
  /** Deliveries, calls and best-effort events that are running. */
  readonly running: () => number;
}

const MIN_PAUSE_MS = 2;
const MAX_PAUSE_MS = 100;

const schema = strictOptions({
  timeoutMs: milliseconds.optional(),
});

/** Resolves when nothing is running or due. Measures real time, also with a manual clock. */
export async function waitUntilIdle(parts: IdleParts, options: IdleOptions): Promise<void> {
  const { timeoutMs = Infinity } = parseArgument('idle', schema, options);
  const deadline = monotonicMs(systemClock) + timeoutMs;
  for (let pauseMs = MIN_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS)) {
    const waiting = await fromInbox('idle', () => findWork(parts));
    if (waiting.length === 0) return;
    if (monotonicMs(systemClock) >= deadline) {
      const message = `idle: after ${timeoutMs} ms still waiting for ${waiting.join(', ')}.`;
      throw new WebhookError('idle_timeout', message);
    }
    await new Promise<void>((resolve) => systemClock.after(pauseMs, resolve));
  }
}

async function findWork(parts: IdleParts): Promise<string[]> {
  const { isConsuming, running } = parts;
  const count = running();
  const work = count === 0 ? [] : [`${count} running ${count === 1 ? 'call' : 'calls'}`];
  if (!isConsuming()) return work;
  // In one list: between two, an entry could pass from one state to the other and be in neither.
  const { runs, due } = await listWork(parts);
  return [...work, ...describe(runs, 'running'), ...describe(due, 'due')];
}

const MAX_NAMED = 3;

function describe(tasks: readonly string[], state: string): string[] {
  if (tasks.length === 0) return [];
  const named = tasks.slice(0, MAX_NAMED).join(', ') + (tasks.length > MAX_NAMED ? ', …' : '');
  return [`${tasks.length} ${state} ${tasks.length === 1 ? 'entry' : 'entries'} (${named})`];
}

/** The task ids of entries that are running, and of those that are due. */
async function listWork({
  inbox,
  endpoint,
}: IdleParts): Promise<{ readonly runs: readonly string[]; readonly due: readonly string[] }> {
  const runs: string[] = [];
  const due: string[] = [];
  const open = { endpoint, states: ['pending', 'running'], limit: 1000, bodies: false } as const;
  for await (const page of readPages(inbox, open)) {
    for (const { state, taskId, dueAt } of page.entries) {
      if (state === 'running') runs.push(taskId);
      // By the time of the store, from which the clock of this process can differ by hours.
      else if ((dueAt ?? 0) <= page.readAt) due.push(taskId);
    }
  }
  return { runs, due };
}
