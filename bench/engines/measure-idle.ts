import { setTimeout } from 'node:timers/promises';

import { createLatencies, type Latencies } from '../lib/load/latencies.ts';
import { check } from '../lib/check.ts';
import type { EngineName } from '../lib/engines/engine.ts';
import { startTeam, type TeamOptions } from './inbox-processes.ts';

export interface IdleOptions extends Omit<TeamOptions, 'concurrency'> {
  readonly events: number;
}

/** In milliseconds. */
interface Spread {
  readonly p50: number;
  readonly p99: number;
}

/** Single events, far enough apart that each finds everybody idle. */
export interface Idle {
  /** How long the add took. */
  readonly add: Spread;
  /** From its answer until a handler starts; 0 where the handler was first. */
  readonly fromAnswer: Spread;
  readonly fromCall: Spread;
}

/** Longer than any inbox leaves its engine alone, in milliseconds. */
const SETTLE_DOWN_MS = 6000;

/** Longer than an event takes, and not in step with anybody's polling. */
const GAP = { leastMs: 20, mostMs: 80 } as const;

export async function measureIdle(engine: EngineName, options: IdleOptions): Promise<Idle> {
  const team = await startTeam(engine, { ...options, concurrency: 10 });
  const { web, workers } = team;
  await Promise.all(workers.map((worker) => worker.ask({ type: 'work' })));
  await web.ask({ type: 'trickle', events: 20, ...GAP }); // to warm up
  await Promise.all(workers.map((worker) => worker.ask({ type: 'starts' })));

  const { calls } = await web.ask({ type: 'trickle', events: options.events, ...GAP });
  await setTimeout(SETTLE_DOWN_MS);
  const answers = await Promise.all(workers.map((worker) => worker.ask({ type: 'starts' })));
  const starts = answers.flatMap((answer) => answer.starts);
  const startedAt = new Map(starts.map(({ taskId, at }) => [taskId, at]));

  const [add, fromAnswer, fromCall] = [createLatencies(), createLatencies(), createLatencies()];
  for (const { taskId, at, answeredAt } of calls) {
    const start = startedAt.get(taskId);
    check(start !== undefined, `${engine}: an event was not handled`);
    add.record(answeredAt - at);
    fromAnswer.record(Math.max(0, (start ?? NaN) - answeredAt));
    fromCall.record((start ?? NaN) - at);
  }
  await team.end();
  return { add: spreadOf(add), fromAnswer: spreadOf(fromAnswer), fromCall: spreadOf(fromCall) };
}

const spreadOf = (latencies: Latencies): Spread => ({
  p50: latencies.percentile(50),
  p99: latencies.percentile(99),
});
