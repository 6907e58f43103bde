import type { Claim, ClaimRef, Entry, EntryKey, Outcome, Store } from '@novita-webhooks/core';

import type { Process, Task } from './actors.ts';
import type { World } from './world.ts';

/** One run of a handler. */
interface Run {
  readonly taskId: string;
  readonly handler: string;
  readonly process: Process;
  readonly granted: Granted;
  readonly from: number;
  /** When it ended; `null` while it runs. */
  to: number | null;
  hasSucceeded: boolean;
}

/** A claim as the database granted it. */
interface Granted {
  readonly process: Process;
  readonly claim: Claim;
  readonly at: number;
}

/** What is known of a task. */
interface History {
  readonly granted: Granted[];
  readonly runs: Run[];
  entry: Entry | undefined;
  /** Valid fencing token; `null` while no worker holds the entry. */
  fencingToken: string | null;
  leaseMs: number;
  leaseEndsAt: number;
}

/** The default of receivers. */
export const ENDPOINT = 'novita';

/** Compares everything that happens with what the library promises. */
export interface Checker {
  claimed(process: Process, claims: readonly Claim[], leaseMs: number): void;
  extended(ref: ClaimRef, isHeld: boolean, leaseMs: number): void;
  settled(ref: ClaimRef, outcome: Outcome, isValid: boolean): void;
  /** Compares an entry with what it was before a call. */
  compare(key: EntryKey): Promise<void>;
  /** @param calledAt when the process sent the call */
  callFailed(process: Process, calledAt: number): void;
  /** To be called when the receiver has said that it keeps a result, or that it awaits one. */
  requireKept(taskId: string, what: 'result' | 'expectation'): Promise<void>;
  /** @param task what the vendor knows of it: `undefined` if it is forged */
  began(process: Process, handler: string, taskId: string, task: Task | undefined): Run | null;
  ended(run: Run, hasSucceeded: boolean): void;
  /** Times that handlers have begun to run for a task. */
  runsOf(taskId: string): readonly Run[];
}

export function createChecker(world: World, store: Store): Checker {
  const histories = new Map<string, History>();
  const running = new Set<Run>();

  function historyOf({ taskId }: Pick<EntryKey, 'taskId'>): History {
    const found = histories.get(taskId);
    if (found !== undefined) return found;
    const none = { entry: undefined, fencingToken: null, leaseMs: 0, leaseEndsAt: 0 };
    const created: History = { granted: [], runs: [], ...none };
    histories.set(taskId, created);
    return created;
  }

  function grant(process: Process, claim: Claim, leaseMs: number): void {
    const history = historyOf(claim);
    const freeAt = history.leaseEndsAt + history.leaseMs / 2; // the holder gets another heartbeat
    if (history.fencingToken !== null) {
      world.count('takeovers');
      if (world.now() < freeAt) world.fail(`${claim.taskId} was claimed before its lease was over`);
      if (claim.isTakeover !== true) world.fail(`${claim.taskId}: the takeover is not marked`);
    }
    history.granted.push({ process, claim, at: world.now() });
    history.fencingToken = claim.fencingToken;
    history.leaseMs = leaseMs;
    history.leaseEndsAt = world.now() + leaseMs;
    void checker.compare(claim);
  }

  const checker: Checker = {
    claimed(process, claims, leaseMs) {
      for (const claim of claims) grant(process, claim, leaseMs);
    },
    extended(ref, isHeld, leaseMs) {
      const history = historyOf(ref);
      if (isHeld !== (history.fencingToken === ref.fencingToken))
        world.fail(`${ref.taskId}: an invalid fencing token extended the lease`);
      if (isHeld) history.leaseEndsAt = world.now() + leaseMs;
    },
    settled(ref, { type }, isValid) {
      const history = historyOf(ref);
      if (isValid && history.fencingToken !== ref.fencingToken)
        world.fail(`${ref.taskId}: an invalid fencing token settled the entry as ${type}`);
      if (isValid) history.fencingToken = null;
      world.count(isValid ? `settled ${type}` : 'settles refused');
    },
    async compare(key) {
      const history = historyOf(key);
      const entry = await store.get(key);
      for (const finding of findChanges(history.entry, entry))
        world.fail(`${key.taskId}: ${finding}`);
      if (history.entry?.schemaError !== entry?.schemaError) history.fencingToken = null; // replaced
      history.entry = entry;
    },
    callFailed(process, calledAt) {
      process.failedCalls.push(calledAt);
      world.count('failed calls');
    },
    async requireKept(taskId, what) {
      const entry = await store.get({ endpoint: ENDPOINT, taskId });
      const isKept = what === 'result' ? entry?.schemaError === null : entry !== undefined;
      if (!isKept)
        world.fail(`${taskId}: the receiver acknowledged the ${what}, and the inbox has none`);
    },
    began(process, handler, taskId, task) {
      const history = historyOf({ taskId });
      if (task === undefined) world.fail(`${taskId} is forged, and ${handler} got it`);
      const granted = history.granted.findLast((one) => one.process === process);
      if (granted === undefined) {
        world.fail(`${taskId}: ${handler} runs without a claim`);
        return null;
      }
      const none = { to: null, hasSucceeded: false };
      const run: Run = { taskId, handler, process, granted, from: world.now(), ...none };
      forgetDead(running);
      checkOverlap(run, history, world);
      checkRepeat(run, history, world);
      checkAlone(run, running, world);
      history.runs.push(run);
      running.add(run);
      return run;
    },
    ended(run, hasSucceeded) {
      run.to = world.now();
      run.hasSucceeded = hasSucceeded;
      running.delete(run);
    },
    runsOf: (taskId) => historyOf({ taskId }).runs,
  };
  return checker;
}

const isDead = ({ process }: Pick<Run, 'process'>) => process.owner.state === 'dead';

function forgetDead(running: Set<Run>): void {
  for (const run of running) if (isDead(run)) running.delete(run);
}

/** What no call may change of an entry. */
function findChanges(before: Entry | undefined, after: Entry | undefined): string[] {
  if (before?.schemaError !== null) return []; // may give way
  if (after === undefined) return ['a kept result is gone'];
  const isReplayed = after.replays > before.replays;
  return [
    ...(after.body === before.body ? [] : ['the body of a kept result changed']),
    ...(before.state === 'done' && after.state !== 'done' && !isReplayed
      ? ['a done entry became open again']
      : []),
    ...(before.succeededHandlers.every((name) => after.succeededHandlers.includes(name))
      ? []
      : ['a success that was recorded is gone']),
  ];
}

/** Two runs of one task at a time. Only a process that stood still cannot know that it lost its lease. */
function checkOverlap(run: Run, { runs }: History, world: World): void {
  const other = runs.find((one) => one.to === null && !isDead(one));
  if (other === undefined) return;
  const [loser, winner] = other.granted.at <= run.granted.at ? [other, run] : [run, other];
  const { granted, process } = loser;
  if (process !== winner.process && process.stoodStill(winner.granted.at, granted.claim)) {
    world.count('overlaps with a process that stood still');
    return;
  }
  world.fail(`${run.taskId}: ${run.process.owner.name} runs it beside ${other.process.owner.name}`);
}

/** A handler that has succeeded runs again only if that could not be recorded. */
function checkRepeat(run: Run, { runs }: History, world: World): void {
  const { claim } = run.granted;
  if (claim.succeededHandlers.includes(run.handler))
    world.fail(`${run.taskId}: ${run.handler} runs although its success is recorded`);
  const earlier = runs.findLast((one) => one.handler === run.handler && one.hasSucceeded);
  if (earlier === undefined) return;
  if (isDead(earlier) || earlier.process.wasDisturbed(earlier.from))
    return world.count('repeats, because the outcome was lost');
  world.fail(`${run.taskId}: ${run.handler} runs again, and nothing was lost`);
}

/** A takeover may be of an entry that ends its process. */
function checkAlone(run: Run, running: ReadonlySet<Run>, world: World): void {
  const beside = [...running].filter(
    ({ process, taskId }) => process === run.process && taskId !== run.taskId,
  );
  const isTakeover = (one: Run) => one.granted.claim.isTakeover === true;
  if (beside.length > 0 && [run, ...beside].some(isTakeover))
    world.fail(`${run.taskId}: a takeover does not run alone in ${run.process.owner.name}`);
}
