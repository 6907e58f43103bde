import type { NewEntry } from '@novita-webhooks/core';
import { createTestEntry, sampleEvents } from '@novita-webhooks/testing';

import { createRandom } from '../../test/crash/random.ts';
import { createLatencies } from '../load/latencies.ts';
import { createSimulatedEngine, type EngineModel } from './engine.ts';
import { createEventClock } from './event-clock.ts';
import { createProcessClock, startWorker } from './fleet.ts';
import { createStation, createThread } from './station.ts';

/** What `bench:engines` measures, as the simulation foresees it: all on one machine. */
export interface Rehearsal {
  readonly seed: number;
  readonly model: EngineModel;
  /** Processor time of an attempt, without the engine's client, in milliseconds. */
  readonly attemptMs: number;
}

function setUp({ seed, model }: Rehearsal) {
  const clock = createEventClock();
  const random = createRandom(seed);
  const machine = createStation(clock, model.cores);
  const engine = createSimulatedEngine({ model, clock, random, machine });
  const process = createProcessClock(clock);
  const store = engine.connect(process, createThread(clock, machine));
  return { clock, random, machine, engine, store };
}

/** Processor time of the engine in microseconds, for each entry. */
export interface Rehearsed {
  readonly perSecond: number;
  readonly engineUs: number;
}

let entries = 0;

function nextEntry(): NewEntry {
  const taskId = `rehearsed-${(entries += 1)}`;
  const { payload } = sampleEvents.imageSucceeded({ taskId });
  return createTestEntry({ taskId, body: JSON.stringify(payload) });
}

/** Adds per second of one process, each caller with its next when it has its answer. */
export async function rehearseAdds(
  rehearsal: Rehearsal,
  callers: number,
  seconds: number,
): Promise<Rehearsed> {
  const { clock, engine, store } = setUp(rehearsal);
  let count = 0;
  async function call(): Promise<void> {
    while (clock.now() < seconds * 1000) {
      await store.add(nextEntry());
      count += 1;
    }
  }
  for (let caller = 0; caller < callers; caller += 1) void call();
  await clock.runUntil(seconds * 1000);
  return { perSecond: count / seconds, engineUs: (engine.cpuMs() * 1000) / count };
}

/** Handled per second, of a backlog, by some worker processes. */
export async function rehearseBacklog(
  rehearsal: Rehearsal,
  { backlog, workers, concurrency }: { backlog: number; workers: number; concurrency: number },
): Promise<Rehearsed> {
  const { clock, random, engine, machine } = setUp(rehearsal);
  for (let entry = 0; entry < backlog; entry += 1) await engine.contents.add(nextEntry());
  const entryMs = rehearsal.attemptMs;
  const handle = () => Promise.resolve();
  for (let worker = 0; worker < workers; worker += 1) {
    startWorker({ clock, random, engine, machine, concurrency, entryMs, handle });
  }
  while ((await engine.contents.stats()).done < backlog) await clock.runUntil(clock.now() + 10);
  return {
    perSecond: (backlog / clock.now()) * 1000,
    engineUs: (engine.cpuMs() * 1000) / backlog,
  };
}

/** From the call of an add until its handler starts, one event at a time. Milliseconds. */
export async function rehearseIdle(
  rehearsal: Rehearsal,
  { events, workers }: { events: number; workers: number },
): Promise<{ readonly p50: number; readonly p99: number }> {
  const { clock, random, engine, machine, store } = setUp(rehearsal);
  const latencies = createLatencies();
  let calledAt = NaN;
  const handle = async () => latencies.record(clock.now() - calledAt);
  for (let worker = 0; worker < workers; worker += 1) {
    const entryMs = rehearsal.attemptMs;
    startWorker({ clock, random, engine, machine, concurrency: 10, entryMs, handle });
  }
  async function trickle(): Promise<void> {
    for (let event = 0; event < events; event += 1) {
      await clock.sleep(20 + random.next() * 60);
      calledAt = clock.now();
      await store.add(nextEntry());
    }
  }
  void trickle();
  await clock.runUntil(events * 80 + 1000);
  return { p50: latencies.percentile(50), p99: latencies.percentile(99) };
}
