import {
  createReceiver,
  createTaskResultClient,
  pollingInbox,
  type Clock,
  type HandlerContext,
  type Logger,
  type TaskResult,
} from '@novita-webhooks/core';

import type { Process } from './actors.ts';
import type { Checker } from './checker.ts';
import type { Database } from './database.ts';
import { findForgery, PATH, type Vendor } from './vendor.ts';
import type { Owner } from './queue.ts';
import type { World } from './world.ts';

/** What all processes of a run share. */
export interface Environment {
  readonly world: World;
  readonly checker: Checker;
  readonly database: Database;
  readonly vendor: Vendor;
  readonly plan: Plan;
  readonly isHealed: () => boolean;
}

/** How the processes of a run are set up, and what goes wrong. */
export interface Plan {
  readonly processes: number;
  readonly concurrency: number;
  readonly confirm: boolean;
  readonly leaseMs: number;
  readonly pollMs: number;
  /** Probability of a crash at each crash point. */
  readonly crashRate: number;
}

export const SECRET = 'the secret of the simulated receivers';
export const URL_OF_RECEIVER = `https://example.com${PATH}`;
/** Time of day at which a run begins. */
const EPOCH_MS = Date.UTC(2026, 2, 1);
const MAX_ATTEMPTS = 5;
const HANDLER_TIMEOUT_MS = 20_000;

const idle: Logger = Object.fromEntries(
  ['debug', 'info', 'warn', 'error'].map((level) => [level, () => undefined]),
) as unknown as Logger;

export function createProcess(name: string, environment: Environment): Process {
  const { world, plan, checker, database, vendor, isHealed } = environment;
  const owner: Owner = { name, state: 'running' };
  const stops: { readonly from: number; to: number }[] = [];
  const failedCalls: number[] = [];
  const bootedAt = world.now();
  let jumpedMs = 0;

  const after = (delayMs: number, label: string, happen: () => void) =>
    world.after(owner, delayMs + world.delay(0.1, isHealed() ? 1 : 50), label, happen);
  const clock: Clock = {
    now: () => Math.floor(EPOCH_MS + world.now() + jumpedMs),
    monotonic: () => world.now() - bootedAt,
    after: (delayMs, callback) => after(delayMs, 'timer', callback),
  };

  const process: Process = {
    owner,
    failedCalls,
    after,
    pause: (delayMs, label) => new Promise((resolve) => void after(delayMs, label, resolve)),
    get receiver() {
      return receiver;
    },
    reach(point) {
      if (owner.state === 'dead' || isHealed() || !world.chance(plan.crashRate)) return;
      world.count(`crash ${point}`);
      process.kill();
    },
    deliver(url, body, answer) {
      after(0, 'receives a delivery', () => {
        const headers = { 'content-type': 'application/json' };
        void receiver
          .handle({ method: 'POST', url, headers, body })
          .then(({ status, body: text }) => {
            process.reach('before reply');
            if (owner.state === 'dead') return;
            if (status === 200) void checker.requireKept(taskIdOf(body), 'result');
            answer({ status, body: text });
            process.reach('after reply');
          });
      });
    },
    kill() {
      world.note(`${name} is killed`);
      owner.state = 'dead';
    },
    hasEnded: () => owner.state === 'dead',
    stop() {
      world.count('stops');
      owner.state = 'stopped';
      stops.push({ from: world.now(), to: Infinity });
    },
    resume() {
      if (owner.state !== 'stopped') return;
      const last = stops.at(-1);
      if (last !== undefined) last.to = world.now();
      world.resume(owner);
    },
    jump: (ms) => void (jumpedMs += ms),
    heal() {
      jumpedMs = 0;
      process.resume();
    },
    stoodStill: (at, claim) =>
      stops.some(
        ({ from, to }) =>
          from <= at && at <= to + plan.leaseMs / 3 + 100 && claim.fencingToken !== '',
      ),
    wasDisturbed: (since) =>
      stops.some(({ to }) => to >= since) || failedCalls.some((at) => at >= since),
  };

  const receiver = createReceiver({
    ...{ url: URL_OF_RECEIVER, secret: SECRET, clock, logger: idle, confirm: plan.confirm },
    inbox: pollingInbox(database.connect(process), {
      ...{ leaseDurationMs: plan.leaseMs, pollIntervalMs: plan.pollMs, clock },
    }),
    taskResults: createTaskResultClient({ apiKey: 'key', clock, fetch: vendor.fetchFor(process) }),
    handlers: { concurrency: plan.concurrency, timeoutMs: HANDLER_TIMEOUT_MS },
    retry: { maxAttempts: MAX_ATTEMPTS, delay: (attempt) => attempt * 500 * world.random.next() },
  });
  const handle = createHandle(process, environment);
  receiver.onTaskSucceeded({ handlerName: 'first' }, handle('first'));
  receiver.onTaskFinished({ handlerName: 'second' }, handle('second'));
  receiver.onTaskFailed({ handlerName: 'failed' }, handle('failed'));
  receiver.start();
  return process;
}

const taskIdOf = (event: string) =>
  (JSON.parse(event) as { payload: { task: { task_id: string } } }).payload.task.task_id;

/** What runs in a process that was killed goes no further. A shared promise would keep all that waits. */
const never = () => new Promise<never>(() => undefined);

/** A handler that takes its time, fails, or ends its process, as the seed and the task say. */
function createHandle(process: Process, { world, checker, vendor, plan, isHealed }: Environment) {
  const { owner } = process;

  return (name: string) =>
    async ({ task: { task_id: taskId }, images }: TaskResult, { signal }: HandlerContext) => {
      if (process.hasEnded()) return never();
      const task = vendor.tasks.get(taskId);
      const forgery = findForgery(task, images[0]?.image_url, world.now(), plan.confirm);
      if (forgery !== null) world.fail(`${taskId}: forged: ${forgery}`);
      const run = checker.began(process, name, taskId, task);
      world.note(`${owner.name} ${name} handles ${taskId}`);
      world.count('runs of handlers');
      try {
        const shortMs = world.delay(50, 5000) * world.random.next();
        const ms = task?.kind === 'long' ? 2 * plan.leaseMs : shortMs;
        await sleep(process, ms, signal, `${name} works on ${taskId}`);
        process.reach('in a handler');
        if (task?.kind === 'poison') process.kill();
        if (process.hasEnded()) return await never();
        if (!isHealed() && world.chance(0.15)) throw new Error('the handler failed');
        if (run !== null) checker.ended(run, true);
        process.reach('after a handler');
        return undefined;
      } catch (error) {
        if (run !== null) checker.ended(run, false);
        throw error;
      }
    };
}

/** Ends with the signal, within some milliseconds. */
async function sleep(
  process: Process,
  ms: number,
  signal: AbortSignal,
  label: string,
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const cancel = process.after(ms, label, resolve);
    signal.addEventListener('abort', () => {
      cancel();
      process.after(20, `${label}: aborted`, () => reject(signal.reason as Error));
    });
  });
}
