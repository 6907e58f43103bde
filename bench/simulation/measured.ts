import type { Cost, EngineModel, Operation } from './engine.ts';

const cost = (call: number, entry: number, some = 0): Cost => ({
  call: call / 1000,
  entry: entry / 1000,
  some: some / 1000,
});

/**
 * What `npm run bench:calibrate` found, in microseconds: what 1 costs and what 50 cost, as a straight
 * line. See docs/scaling.md for when and where.
 */
const CPU_US: Readonly<Record<Operation, Cost>> = {
  add: cost(1763, 77),
  claim: cost(850, 72, 558),
  settle: cost(2669, 51),
  extend: cost(1250, 0),
  nextDueMs: cost(280, 0),
  get: cost(740, 0),
  purge: cost(1200, 0),
  notify: cost(90, 0),
};
const CLIENT_US: Readonly<Record<Operation, Cost>> = {
  add: cost(934, 33),
  claim: cost(423, 40),
  settle: cost(896, 37),
  extend: cost(672, 0),
  nextDueMs: cost(211, 0),
  get: cost(321, 0),
  purge: cost(497, 0),
  notify: cost(139, 0),
};

/** PostgreSQL and its clients on one machine of two cores, as in the benchmarks. */
export const sharedMachine: EngineModel = {
  cores: 2,
  cpuMs: CPU_US,
  clientMs: CLIENT_US,
  commitMs: 2, // `fdatasync of a page`, at the same time
  networkMs: 0.02,
  notifyMs: 0.2, // a guess: no process measures it by itself
  notifyPauseMs: 20,
  connections: 10,
  batch: 200,
  flights: 2,
};

/** PostgreSQL on four cores of its own, in the same data centre. A guess made of measured parts. */
export const ownMachine: EngineModel = { ...sharedMachine, cores: 4, networkMs: 0.5 };

/** Processor time of a request behind Express and of an attempt, without the store, in milliseconds. */
export const requestMs = 0.3;
export const attemptMs = 0.45;
