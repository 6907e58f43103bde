import { memoryStore, type Clock, type Store } from '@novita-webhooks/core';

import {
  createPollThrottle,
  type PollThrottle,
} from '../../packages/inbox-postgres/src/notifications/poll-throttle.ts';
import type { Random } from '../../test/crash/random.ts';
import { createBatcher } from './batcher.ts';
import type { EventClock } from './event-clock.ts';
import { createStation, type Station } from './station.ts';

/** What is asked of an engine, and costs it something. */
export const OPERATIONS = [
  'add',
  'claim',
  'settle',
  'extend',
  'nextDueMs',
  'get',
  'purge',
  'notify',
] as const;
export type Operation = (typeof OPERATIONS)[number];

/** Processor time, in milliseconds: of a call, and of each entry in it. */
export interface Cost {
  readonly call: number;
  readonly entry: number;
  /** Besides, once, of a call that has entries in it. */
  readonly some?: number | undefined;
}

/** An engine as the simulation sees it. */
export interface EngineModel {
  readonly cores: number;
  /** Of the engine. */
  readonly cpuMs: Readonly<Record<Operation, Cost>>;
  /** Of the process that calls, on its one thread. */
  readonly clientMs: Readonly<Record<Operation, Cost>>;
  /** Until a commit is on disk, in milliseconds. Others are served meanwhile. */
  readonly commitMs: number;
  /** There and back, in milliseconds. */
  readonly networkMs: number;
  /** Until others hear of it when a process notifies them, in milliseconds; `null`: it never does. */
  readonly notifyMs: number | null;
  /** For how long a process does not notify again, in milliseconds. */
  readonly notifyPauseMs: number;
  /** Of each process. */
  readonly connections: number;
  /** Most entries that a process adds or settles with one call, and how many such calls at a time. */
  readonly batch: number;
  readonly flights: number;
}

/** How it fails: refuses connections, or lets everybody wait until they lose patience. */
export type Failure = 'refuses' | 'hangs';

export interface SimulatedEngine {
  /** The store as one process has it, which calls from its one thread. */
  connect(process: ProcessClock, thread: Station): Store;
  /** What is in it, at no cost: for those who look at the simulation. */
  readonly contents: Store;
  readonly cores: Station;
  /** Processor time of the engine until now, in milliseconds. */
  cpuMs(): number;
  /** Calls until now. */
  calls(): Readonly<Record<Operation, number>>;
  fail(how: Failure): void;
  recover(): void;
  /** Makes everything take so many times as long. */
  slowDown(factor: number): void;
}

interface Caller {
  readonly process: ProcessClock;
  readonly connections: Station;
  readonly thread: Station;
}

/** A clock whose timers end with their process. */
export interface ProcessClock extends Clock {
  isAlive(): boolean;
}

export interface EngineOptions {
  readonly model: EngineModel;
  readonly clock: EventClock;
  readonly random: Random;
  /** Where others use the same cores. */
  readonly machine?: Station | undefined;
}

/** How long a process waits for an answer that does not come, in milliseconds. */
const PATIENCE_MS = 5000;
const ROOM = { maxEntries: 100_000_000, maxBytes: Number.MAX_SAFE_INTEGER };

export function createSimulatedEngine(options: EngineOptions): SimulatedEngine {
  const { model, clock, random } = options;
  const contents = memoryStore({ ...ROOM, clock });
  const cores = options.machine ?? createStation(clock, model.cores);
  const calls = Object.fromEntries(OPERATIONS.map((name) => [name, 0])) as Record<
    Operation,
    number
  >;
  const listeners = new Set<() => void>();
  let failure: Failure | null = null;
  let epoch = 0;
  let slowness = 1;
  let cpuMs = 0;

  async function compute(ms: number): Promise<boolean> {
    const varied = vary(ms * slowness);
    if (!(await cores.use(varied))) return false;
    cpuMs += varied;
    return true;
  }

  /** Memoryless: as irregular as service times plausibly get. */
  const vary = (ms: number) => -Math.log(1 - random.next()) * ms;

  async function lose(): Promise<never> {
    if (failure === 'hangs') await clock.sleep(PATIENCE_MS);
    throw new Error('the engine does not answer');
  }

  /** One call over a connection: the entries in it count when its answer is known. */
  async function call<T>(
    name: Operation,
    { process, connections, thread }: Caller,
    work: () => Promise<T>,
    entriesIn: (answer: T) => number,
  ): Promise<T> {
    const client = model.clientMs[name];
    if (client.call > 0) await thread.use(client.call);
    if (!process.isAlive()) return never();
    const answer = await connections.hold(async () => {
      const since = epoch;
      await clock.sleep(model.networkMs);
      if (failure !== null || since !== epoch) return lose();
      calls[name] += 1;
      const cost = model.cpuMs[name];
      if (!(await compute(cost.call)) || since !== epoch) return lose();
      const result = await work();
      const entries = entriesIn(result);
      const more = cost.entry * entries + (entries > 0 ? (cost.some ?? 0) : 0);
      if (more > 0) await compute(more);
      if (isWrite(name, entries)) await clock.sleep(vary(model.commitMs * slowness));
      // Done, but nobody hears of it.
      if (since !== epoch) return lose();
      return { result };
    });
    if (answer === undefined) throw new Error('the connection was closed');
    const own = client.entry * entriesIn(answer.result);
    if (own > 0) await thread.use(own);
    return answer.result;
  }

  /** Wakes all who listen, beside the commit that it is about, and not too often. */
  function createNotifier(caller: Caller): () => void {
    const { notifyMs, notifyPauseMs } = model;
    let isDue = false;
    let isTelling = false;

    async function tell(delayMs: number): Promise<void> {
      isTelling = true;
      while (isDue) {
        isDue = false;
        await call('notify', caller, async () => listeners, noEntries).catch(() => undefined);
        clock.after(vary(delayMs), () => {
          for (const heard of listeners) heard();
        });
        await clock.sleep(notifyPauseMs);
      }
      isTelling = false;
    }

    return () => {
      isDue = true;
      if (notifyMs !== null && !isTelling) void tell(notifyMs);
    };
  }

  function connect(process: ProcessClock, thread: Station): Store {
    const connections = createStation(clock, model.connections);
    const caller: Caller = { process, connections, thread };
    const notify = createNotifier(caller);
    const restraints = new Set<PollThrottle>();
    const add = createBatcher<Parameters<Store['add']>[0], 'added' | 'duplicate'>(
      model.batch,
      model.flights,
      async (entries) => {
        const addAll = () => Promise.all(entries.map((entry) => contents.add(entry)));
        const answers = await call('add', caller, addAll, ({ length }) => length);
        notify();
        return answers;
      },
    );
    const settle = createBatcher<Parameters<Store['settle']>, boolean>(
      model.batch,
      model.flights,
      (all) => {
        const settleAll = () => Promise.all(all.map((one) => contents.settle(...one)));
        return call('settle', caller, settleAll, ({ length }) => length);
      },
    );
    const one = <T>(name: Operation, work: () => Promise<T>) =>
      answerOf(
        process,
        call(name, caller, work, () => 1),
      );

    return {
      ...contents,
      capabilities: { durable: true, shared: true, transactional: false },
      add: (entry) => answerOf(process, add(entry)),
      settle: (claimRef, outcome) => answerOf(process, settle([claimRef, outcome])),
      async claim(endpoint, limit, leaseDurationMs) {
        const claim = () => contents.claim(endpoint, limit, leaseDurationMs);
        const claims = await answerOf(
          process,
          call('claim', caller, claim, ({ length }) => length),
        );
        for (const restraint of restraints) restraint.claimed(claims.length);
        return claims;
      },
      extend: (claimRef, leaseDurationMs) =>
        one('extend', () => contents.extend(claimRef, leaseDurationMs)),
      nextDueMs: (endpoint) => one('nextDueMs', () => contents.nextDueMs(endpoint)),
      get: (key) => one('get', () => contents.get(key)),
      deleteExpired: (retention) => one('purge', () => contents.deleteExpired(retention)),
      subscribe(_endpoint, heard) {
        const draw = () => random.next();
        const restraint = createPollThrottle({ poll: heard, clock: process, random: draw });
        const listener = () => {
          if (process.isAlive()) restraint.notify();
        };
        restraints.add(restraint);
        listeners.add(listener);
        return () => {
          restraint.stop();
          restraints.delete(restraint);
          listeners.delete(listener);
        };
      },
    };
  }

  return {
    connect,
    contents,
    cores,
    cpuMs: () => cpuMs,
    calls: () => ({ ...calls }),
    fail(how) {
      failure = how;
      epoch += 1;
      if (options.machine === undefined) cores.clear();
    },
    recover: () => void (failure = null),
    slowDown: (factor) => void (slowness = factor),
  };
}

const noEntries = (): number => 0;

/** A claim that finds nothing commits nothing. */
function isWrite(name: Operation, entries: number): boolean {
  return name !== 'nextDueMs' && name !== 'get' && entries > 0;
}

export const never = (): Promise<never> => new Promise(() => undefined);

/** Who is dead hears nothing. */
function answerOf<T>(process: ProcessClock, call: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    call.then(
      (answer) => process.isAlive() && resolve(answer),
      (error: unknown) => process.isAlive() && reject(error as Error),
    );
  });
}
