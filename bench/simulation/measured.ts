import type { Cost, EngineModel, Operation } from './engine.ts';

const cost = (call: number, entry: number): Cost => ({ call: call / 1000, entry: entry / 1000 });

/** What `npm run bench:calibrate` found, in microseconds. See docs/scaling.md for when and where. */
const CPU_US: Readonly<Record<Operation, Cost>> = {
  add: cost(150, 40),
  claim: cost(150, 40),
  settle: cost(120, 30),
  extend: cost(100, 0),
  nextDueMs: cost(60, 0),
  get: cost(60, 0),
  purge: cost(700, 0),
  notify: cost(70, 0),
};
const CLIENT_US: Readonly<Record<Operation, Cost>> = {
  add: cost(100, 10),
  claim: cost(100, 20),
  settle: cost(100, 5),
  extend: cost(100, 0),
  nextDueMs: cost(80, 0),
  get: cost(80, 0),
  purge: cost(100, 0),
  notify: cost(30, 0),
};

/** PostgreSQL and its clients on one machine of two cores, as in the benchmarks. */
export const sharedMachine: EngineModel = {
  cores: 2,
  cpuMs: CPU_US,
  clientMs: CLIENT_US,
  commitMs: 0.5,
  networkMs: 0.1,
  notifyMs: 0.5,
  notifyPauseMs: 20,
  connections: 10,
  batch: 200,
  flights: 2,
};

/** PostgreSQL on four cores of its own, in the same data centre. A guess made of measured parts. */
export const ownMachine: EngineModel = { ...sharedMachine, cores: 4, networkMs: 0.5 };

/** Processor time of a request behind Express and of an attempt, without the store, in milliseconds. */
export const requestMs = 0.2;
export const attemptMs = 0.15;
