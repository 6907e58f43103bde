import { memoryStore, type Clock, type EntryKey, type Store } from '@novita-webhooks/core';

import type { Checker } from './checker.ts';
import { CRASH_POINTS, type CrashPoint, type Process } from './actors.ts';
import type { Owner } from './queue.ts';
import type { World } from './world.ts';

/** The one database that all processes share. It survives them. */
export interface Database {
  /** The table itself, which no fault reaches. */
  readonly table: Store;
  readonly faults: DatabaseFaults;
  /** The store as a process reaches it: calls and answers are messages, which get lost or come late. */
  connect(process: Process): Store;
  /** Calls of all processes so far. */
  calls(): number;
}

/** What goes wrong with calls now. */
interface DatabaseFaults {
  /** Probability that a call is refused, and that its answer is lost. */
  rate: number;
  isDown: boolean;
  /** Whether a call may take longer than a lease. */
  isSlow: boolean;
}

/** Milliseconds after which a driver gives a call up. */
const QUERY_TIMEOUT_MS = 2000;

/** @returns the table itself, which no fault reaches */
export function createTable(world: World, owner: Owner): Store {
  const clock: Clock = {
    now: () => world.now(),
    after: (delayMs, callback) => world.after(owner, delayMs, 'timer', callback),
  };
  return memoryStore({ clock });
}

export function createDatabase(
  world: World,
  owner: Owner,
  store: Store,
  checker: Checker,
): Database {
  const faults: DatabaseFaults = { rate: 0, isDown: false, isSlow: false };
  let calls = 0;

  const delay = () => world.delay(0.5, faults.isSlow ? 4000 : 40);

  /** @param seen gets the answer before the process does */
  function call<T>(
    process: Process,
    name: keyof Store,
    key: EntryKey | null,
    work: () => T | Promise<T>,
    seen: (answer: T) => void = () => undefined,
  ): Promise<T> {
    const label = key === null ? name : `${name} ${key.taskId}`;
    const calledAt = world.now();
    calls += 1;
    reach(process, `before ${name}`);

    async function perform(): Promise<T> {
      const answer = await work();
      seen(answer);
      if (key !== null) await checker.compare(key);
      reach(process, `after ${name}`);
      return answer;
    }

    return new Promise<T>((resolve, reject) => {
      const fail = (delayMs: number, message: string) =>
        process.after(delayMs, `${label} failed: ${message}`, () => {
          checker.callFailed(process, calledAt);
          reject(new Error(message));
        });
      const arrive = () =>
        void perform().then(
          (answer) => {
            if (world.chance(faults.rate)) fail(QUERY_TIMEOUT_MS, 'answer lost');
            else process.after(delay(), `${label} answered`, () => resolve(answer));
          },
          (error: unknown) =>
            process.after(delay(), `${label} threw`, () => reject(toError(error))),
        );
      if (process.owner.state === 'dead') return;
      if (faults.isDown || world.chance(faults.rate)) fail(delay(), 'refused');
      else world.after(owner, delay(), `${process.owner.name} ${label}`, arrive);
    });
  }

  return {
    table: store,
    faults,
    calls: () => calls,
    connect(process) {
      const on = <T>(
        name: keyof Store,
        key: EntryKey | null,
        work: () => T | Promise<T>,
        seen?: (answer: T) => void,
      ) => call(process, name, key, work, seen);
      return {
        name: 'simulated',
        capabilities: { ...store.capabilities, durable: true, shared: true },
        add: (entry) => on('add', entry, () => store.add(entry)),
        claim: (endpoint, limit, leaseMs) =>
          on(
            'claim',
            null,
            () => store.claim(endpoint, limit, leaseMs),
            (claims) => checker.claimed(process, claims, leaseMs),
          ),
        extend: (ref, leaseMs) =>
          on(
            'extend',
            ref,
            () => store.extend(ref, leaseMs),
            (isHeld) => checker.extended(ref, isHeld, leaseMs),
          ),
        settle: (ref, outcome) =>
          on(
            'settle',
            ref,
            () => store.settle(ref, outcome),
            (isValid) => checker.settled(ref, outcome, isValid),
          ),
        recordSucceeded: (ref, names) =>
          on('recordSucceeded', ref, () => store.recordSucceeded?.(ref, names) ?? false),
        nextDueMs: (endpoint) => on('nextDueMs', null, () => store.nextDueMs(endpoint)),
        get: (key) => on('get', key, () => store.get(key)),
        list: (query) => on('list', null, () => store.list(query)),
        replayEntries: (targets, how) =>
          on('replayEntries', null, () => store.replayEntries(targets, how)),
        discardEntries: (targets) =>
          on('discardEntries', targets[0] ?? null, () => store.discardEntries(targets)),
        deleteExpired: (kept) => on('deleteExpired', null, () => store.deleteExpired(kept)),
        stats: () => on('stats', null, () => store.stats()),
        close: async () => undefined,
      };
    },
  };
}

function reach(process: Process, point: string): void {
  if ((CRASH_POINTS as readonly string[]).includes(point)) process.reach(point as CrashPoint);
}

const toError = (thrown: unknown): Error =>
  thrown instanceof Error ? thrown : new Error(String(thrown));
