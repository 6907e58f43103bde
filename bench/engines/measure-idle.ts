import { setTimeout } from 'node:timers/promises';

import { createLatencies, type Latencies } from '../lib/load/latencies.ts';
import { check } from '../lib/check.ts';
import type { EngineName } from '../lib/engines/engine.ts';
import { startInboxProcesses, type InboxProcessesOptions } from './inbox-processes.ts';

export interface IdleOptions extends Omit<InboxProcessesOptions, 'concurrency'> {
  readonly events: number;
}

/** In milliseconds. */
interface Percentiles {
  readonly p50: number;
  readonly p99: number;
}

/** Latencies of single events that find all processes idle. */
export interface IdleFigures {
  /** Duration of `inbox.add`. */
  readonly add: Percentiles;
  /** From the result of `inbox.add` until a handler starts; 0 if the handler was first. */
  readonly fromResult: Percentiles;
  /** From the call of `inbox.add` until a handler starts. */
  readonly fromCall: Percentiles;
}

/** Longer than the poll interval of every inbox: all events are handled after it. */
const WAIT_MS = 6000;

/** Longer than an event takes. Random, so that it does not synchronize with polling. */
const GAP = { minGapMs: 20, maxGapMs: 80 } as const;

export async function measureIdle(engine: EngineName, options: IdleOptions): Promise<IdleFigures> {
  const processes = await startInboxProcesses(engine, { ...options, concurrency: 10 });
  const { web, workers } = processes;
  await Promise.all(workers.map((worker) => worker.request({ type: 'start' })));
  await web.request({ type: 'trickle', events: 20, ...GAP }); // warm-up
  await Promise.all(workers.map((worker) => worker.request({ type: 'starts' })));

  const { calls } = await web.request({ type: 'trickle', events: options.events, ...GAP });
  await setTimeout(WAIT_MS);
  const replies = await Promise.all(workers.map((worker) => worker.request({ type: 'starts' })));
  const starts = replies.flatMap((reply) => reply.starts);
  const startedAt = new Map(starts.map(({ taskId, at }) => [taskId, at]));

  const [add, fromResult, fromCall] = [createLatencies(), createLatencies(), createLatencies()];
  for (const { taskId, at, resolvedAt } of calls) {
    const start = startedAt.get(taskId);
    check(start !== undefined, `${engine}: an event was not handled`);
    add.record(resolvedAt - at);
    fromResult.record(Math.max(0, (start ?? NaN) - resolvedAt));
    fromCall.record((start ?? NaN) - at);
  }
  await processes.end();
  return {
    add: toPercentiles(add),
    fromResult: toPercentiles(fromResult),
    fromCall: toPercentiles(fromCall),
  };
}

const toPercentiles = (latencies: Latencies): Percentiles => ({
  p50: latencies.percentile(50),
  p99: latencies.percentile(99),
});
