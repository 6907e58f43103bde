import { describe, expect, test } from 'vitest';

import type { EngineModel, Failure } from '../bench/simulation/engine.ts';
import { createEventClock } from '../bench/simulation/event-clock.ts';
import { arrive } from '../bench/simulation/novita.ts';
import { runScene, type SceneFigures, type SceneOptions } from '../bench/simulation/scene.ts';
import { createStation } from '../bench/simulation/station.ts';
import { createRandom } from './crash/random.ts';

const cost = { call: 0.2, entry: 0.05 };
const free = { call: 0, entry: 0 };
const costs = { add: cost, claim: cost, settle: cost, extend: cost, nextDueMs: cost, get: cost };

const model: EngineModel = {
  cores: 2,
  cpuMs: { ...costs, purge: cost, notify: cost },
  clientMs: {
    add: free,
    claim: free,
    settle: free,
    extend: free,
    nextDueMs: free,
    get: free,
    purge: free,
    notify: free,
  },
  commitMs: 1,
  networkMs: 0.2,
  notifyMs: 0.5,
  notifyPauseMs: 20,
  connections: 10,
  batch: 100,
  flights: 2,
};

const scene: SceneOptions = {
  model,
  webs: 2,
  workers: 3,
  concurrency: 10,
  perSecond: () => 20,
  seconds: 60,
  handlerMs: 200,
  requestMs: 0.3,
  entryMs: 0.3,
};

/** How long customers wait on average for one of `servers`, by Erlang's formula. */
function erlangWait(servers: number, arrivals: number, service: number): number {
  const load = arrivals / service;
  let blocking = 1;
  for (let server = 1; server <= servers; server += 1) {
    blocking = (load * blocking) / (server + load * blocking);
  }
  const waits = blocking / (1 - (load / servers) * (1 - blocking));
  return waits / (servers * service - arrivals);
}

describe('the simulation', () => {
  test.each([
    [1, 0.6],
    [3, 2.4],
  ])(
    'waits as long for %i servers as queueing theory says',
    async (servers, perMs) => {
      const clock = createEventClock();
      const random = createRandom(7);
      const station = createStation(clock, servers);
      let waited = 0;
      let customers = 0;
      const work = async () => {
        const came = clock.now();
        customers += 1;
        await station.hold(async () => {
          waited += clock.now() - came;
          await clock.sleep(-Math.log(1 - random.next()));
        });
      };
      const until = 100_000 / perMs;
      void arrive(
        { clock, random },
        () => perMs * 1000,
        until,
        () => void work(),
      );
      await clock.runUntil(until);
      const expected = erlangWait(servers, perMs, 1);
      expect(waited / customers / expected).toBeGreaterThan(0.95);
      expect(waited / customers / expected).toBeLessThan(1.05);
      expect(station.busyTimeoutMs() / until / servers).toBeCloseTo(perMs / servers, 2);
    },
    60_000,
  );

  test('is the same for the same seed, and another one for another', async () => {
    const short = { ...scene, seconds: 5 };
    const figures = await runScene(short);
    expect(await runScene(short)).toEqual(figures);
    expect(await runScene({ ...short, seed: 2 })).not.toEqual(figures);
  }, 60_000);

  test('handles everything once while nothing goes wrong', async () => {
    const figures = await runScene(scene);
    expect(figures).toMatchObject({ givenUp: 0, unhandled: 0, repeatedRuns: 0, overlaps: 0 });
    expect(figures.acknowledged).toBe(figures.arrived);
  }, 60_000);

  test.each<[Failure, number]>([
    ['refuses', 20],
    ['hangs', 20],
    ['refuses', 60],
    ['hangs', 60],
  ])(
    'loses nothing that was acknowledged when the engine %s for %i s',
    async (how, seconds) => {
      const figures = await runScene({
        ...scene,
        seconds: 20 + seconds,
        incident: async ({ clock, engine, workers }) => {
          await clock.sleep(10_000);
          engine.fail(how);
          await clock.sleep(1000);
          workers[0]?.kill();
          await clock.sleep(seconds * 1000 - 1000);
          engine.recover();
        },
      });
      expectConserved(figures);
      expect(figures.repeatedDeliveries).toBeGreaterThan(0);
      expect(figures.givenUp > 0).toBe(seconds === 60); // longer than Novita has patience
    },
    60_000,
  );

  test('runs again what a killed worker had, and nothing else', async () => {
    const figures = await runScene({
      ...scene,
      perSecond: () => 60,
      incident: async ({ clock, workers }) => {
        await clock.sleep(10_000);
        workers[0]?.kill();
      },
    });
    expectConserved(figures);
    expect(figures.repeatedRuns).toBeGreaterThan(0);
    expect(figures.repeatedRuns).toBeLessThanOrEqual(scene.concurrency);
  }, 60_000);
});

function expectConserved(figures: SceneFigures): void {
  expect(figures).toMatchObject({ unhandled: 0, overlaps: 0 });
  expect(figures.acknowledged + figures.givenUp).toBe(figures.arrived);
  expect(figures.drainedAfter).toBeGreaterThan(0);
}
