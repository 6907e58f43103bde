import type { Cost, EngineModel, Operation } from './engine.ts';

const cost = (call: number, entry: number, some = 0): Cost => ({
  call: call / 1000,
  entry: entry / 1000,
  some: some / 1000,
});

/**
 * What `npm run bench:calibrate` found, in microseconds (medians of five runs): what 1 costs and what
 * 50 cost, as a straight line. See docs/scaling.md for when and where.
 */
const CPU_US: Readonly<Record<Operation, Cost>> = {
  add: cost(214, 36),
  claim: cost(250, 23, 7),
  settle: cost(237, 23),
  extend: cost(165, 0),
  nextDueMs: cost(170, 0),
  get: cost(250, 0),
  purge: cost(500, 0),
  notify: cost(20, 0),
};
const CLIENT_US: Readonly<Record<Operation, Cost>> = {
  add: cost(135, 23),
  claim: cost(158, 19),
  settle: cost(119, 23),
  extend: cost(116, 0),
  nextDueMs: cost(83, 0),
  get: cost(89, 0),
  purge: cost(232, 0),
  notify: cost(36, 0),
};

/** PostgreSQL and its clients on one machine of two cores, as in the benchmarks. */
export const sharedMachine: EngineModel = {
  cores: 2,
  cpuMs: CPU_US,
  clientMs: CLIENT_US,
  commitMs: 0.1, // `fdatasync of a page`, at the same time
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
