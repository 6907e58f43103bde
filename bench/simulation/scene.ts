import { createRandom } from '../../test/crash/random.ts';
import { createLatencies } from '../load/latencies.ts';
import {
  createSimulatedEngine,
  OPERATIONS,
  type EngineModel,
  type Operation,
  type SimulatedEngine,
} from './engine.ts';
import { createEventClock, type EventClock } from './event-clock.ts';
import { startWeb, startWorker, type SimulatedWorker, type Web } from './fleet.ts';
import { arrive, createNovita } from './novita.ts';

/** A fleet under load. Times are in milliseconds, unless they say otherwise. */
export interface SceneOptions {
  readonly seed?: number | undefined;
  readonly model: EngineModel;
  readonly webs: number;
  readonly workers: number;
  readonly concurrency: number;
  /** Results per second, by the time. */
  readonly perSecond: (now: number) => number;
  /** How long results come in; what is under way then comes to its end. */
  readonly seconds: number;
  /** What a handler waits for, on average. */
  readonly handlerMs: number;
  /** Processor time of a request and of an attempt, without the engine's client. */
  readonly requestMs: number;
  readonly entryMs: number;
  readonly pollIntervalMs?: number | undefined;
  readonly spacingMs?: number | undefined;
  /** Left out at the beginning of the latencies, in seconds. */
  readonly warmUpSeconds?: number | undefined;
  /** How long everything may take to be handled after the last result, in seconds. */
  readonly drainSeconds?: number | undefined;
  /** What goes wrong meanwhile. */
  readonly incident?: ((stage: Stage) => Promise<void>) | undefined;
}

interface Stage {
  readonly clock: EventClock;
  readonly engine: SimulatedEngine;
  readonly webs: readonly Web[];
  readonly workers: readonly SimulatedWorker[];
}

export interface SceneFigures {
  readonly arrived: number;
  readonly acknowledged: number;
  /** Never acknowledged: Novita tried six times. */
  readonly givenUp: number;
  readonly repeatedDeliveries: number;
  /** Acknowledged, and not handled when the simulation ended. */
  readonly unhandled: number;
  /** Runs of handlers beyond one for each entry. */
  readonly repeatedRuns: number;
  /** Runs that began while another one of the same entry had not ended. */
  readonly overlaps: number;
  readonly ackMs: { readonly p50: number; readonly p99: number };
  /** From the answer to Novita until a handler starts. */
  readonly startMs: { readonly p50: number; readonly p99: number };
  readonly highestBacklog: number;
  /** From the last arrival until nothing was open, in seconds; `NaN`: not in time. */
  readonly drainedAfter: number;
  /** Of the engine's cores, while results came in, 0 to 1. */
  readonly utilization: number;
  /** Per second, while results came in. */
  readonly calls: Readonly<Record<Operation, number>>;
  readonly events: number;
}

const SAMPLE_MS = 1000;

export async function runScene(options: SceneOptions): Promise<SceneFigures> {
  const { seed = 1, model, seconds, warmUpSeconds = 0, drainSeconds = 120 } = options;
  const clock = createEventClock();
  const random = createRandom(seed);
  const engine = createSimulatedEngine({ model, clock, random });
  const runs = createRuns(clock, () => random.next(), options.handlerMs);
  const common = { clock, random, engine, pollIntervalMs: options.pollIntervalMs };
  const make = <T>(count: number, one: () => T) => Array.from({ length: count }, one);
  const webs = make(options.webs, () => startWeb({ ...common, requestMs: options.requestMs }));
  const { concurrency, entryMs } = options;
  const workers = make(options.workers, () =>
    startWorker({ ...common, concurrency, entryMs, handle: runs.handle }),
  );
  const novita = createNovita({ clock, random, webs, spacingMs: options.spacingMs ?? 5000 });

  const until = seconds * 1000;
  let arrived = 0;
  const deliver = () => void novita.deliver(`task-${(arrived += 1)}`);
  void arrive({ clock, random }, options.perSecond, until, deliver);
  void options.incident?.({ clock, engine, webs, workers });

  let highestBacklog = 0;
  for (let time = 0; time < until; time += SAMPLE_MS) {
    await clock.runUntil(Math.min(until, time + SAMPLE_MS));
    highestBacklog = Math.max(highestBacklog, await openIn(engine));
  }
  const atEnd = { busyTimeoutMs: engine.cores.busyTimeoutMs(), calls: engine.calls() };
  let drainedAfter = NaN;
  for (let waited = 1; waited <= drainSeconds; waited += 1) {
    await clock.runUntil(until + waited * SAMPLE_MS);
    highestBacklog = Math.max(highestBacklog, await openIn(engine));
    const isAnswered = novita.acknowledged.size + novita.givenUp() === arrived;
    if (!isAnswered || (await openIn(engine)) > 0) continue;
    drainedAfter = waited;
    break;
  }

  const startLatencies = createLatencies();
  let unhandled = 0;
  for (const [taskId, acknowledgedAt] of novita.acknowledged) {
    const startedAt = runs.started.get(taskId);
    if (startedAt === undefined) unhandled += 1;
    else if (acknowledgedAt >= warmUpSeconds * 1000) {
      startLatencies.record(Math.max(0, startedAt - acknowledgedAt));
    }
  }
  const spread = (latencies: typeof startLatencies) => ({
    p50: latencies.percentile(50),
    p99: latencies.percentile(99),
  });
  return {
    arrived,
    acknowledged: novita.acknowledged.size,
    givenUp: novita.givenUp(),
    repeatedDeliveries: novita.repeated(),
    unhandled,
    repeatedRuns: runs.count() - runs.started.size,
    overlaps: runs.overlaps(),
    ackMs: spread(novita.latencies),
    startMs: spread(startLatencies),
    highestBacklog,
    drainedAfter,
    utilization: atEnd.busyTimeoutMs / (until * model.cores),
    calls: perSecondOf(atEnd.calls, seconds),
    events: clock.events(),
  };
}

async function openIn({ contents }: SimulatedEngine): Promise<number> {
  const { pending, running, dead } = await contents.stats();
  return pending + running + dead;
}

function perSecondOf(calls: Readonly<Record<Operation, number>>, seconds: number) {
  return Object.fromEntries(OPERATIONS.map((name) => [name, calls[name] / seconds])) as Record<
    Operation,
    number
  >;
}

/** What the handlers of all workers do, and when. */
function createRuns(clock: EventClock, random: () => number, handlerMs: number) {
  const started = new Map<string, number>();
  const running = new Map<string, number>();
  let count = 0;
  let overlaps = 0;
  return {
    started,
    count: () => count,
    overlaps: () => overlaps,
    async handle(taskId: string, signal: AbortSignal): Promise<void> {
      count += 1;
      if (!started.has(taskId)) started.set(taskId, clock.now());
      const others = running.get(taskId) ?? 0;
      if (others > 0) overlaps += 1;
      running.set(taskId, others + 1);
      await Promise.race([clock.sleep(-Math.log(1 - random()) * handlerMs), whenAborted(signal)]);
      const left = (running.get(taskId) ?? 1) - 1;
      if (left === 0) running.delete(taskId);
      else running.set(taskId, left);
      signal.throwIfAborted();
    },
  };
}

function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
