import { createReceiver, type Receiver } from '@novita-webhooks/core';

import type { Process } from './actors.ts';
import { createChecker, ENDPOINT, type Checker } from './checker.ts';
import { createDatabase, createTable, type Database } from './database.ts';
import { createProcess, SECRET, URL_OF_RECEIVER, type Plan } from './process.ts';
import { API_MODES, createVendor, findForgery, toForgedEvent, type Vendor } from './vendor.ts';
import type { Owner } from './queue.ts';
import { createWorld, type World } from './world.ts';

export interface SimulationOptions {
  readonly seed: number;
  /** Steps until the faults are healed. */
  readonly steps: number;
  /** Gets every line of the trace. */
  readonly onLine?: ((line: string) => void) | undefined;
}

export interface SimulationResult {
  readonly seed: number;
  readonly steps: number;
  /** Of the trace: the same seed has the same. */
  readonly hash: string;
  readonly findings: readonly string[];
  /** The last lines of the trace. */
  readonly lines: readonly string[];
  readonly counts: ReadonlyMap<string, number>;
}

/** Everything in one run. */
interface Setting {
  readonly world: World;
  readonly plan: Plan;
  readonly database: Database;
  readonly checker: Checker;
  readonly vendor: Vendor;
  /** `null`: the process of this slot has ended, and another one starts soon. */
  readonly slots: (Process | null)[];
  readonly start: (slot: number) => void;
  /** Calls of `submit()` that were not refused, by key. */
  readonly submitted: Map<string, number>;
}

const MINUTE_MS = 60_000;
/** After the faults were healed. Entries that a crash left behind run one at a time, and handlers take up to 18 s. */
const MAX_DRAIN_MS = 120 * MINUTE_MS;
/** One seed in so many is a crowd of workers. */
const CROWD_EVERY = 50;
const CROWD_MS = 15_000;
const MAX_CALLS_PER_EVENT = 20;
const operator: Owner = { name: 'operator', state: 'running' };

/** Lets receivers run under faults that the seed chooses, heals them, and waits until all work is done. */
export async function simulate({
  seed,
  steps,
  onLine,
}: SimulationOptions): Promise<SimulationResult> {
  const world = createWorld(seed, onLine);
  const { end, counts, findings } = world;
  try {
    if (seed % CROWD_EVERY === 0) await runCrowd(world);
    else await runReceivers(world, steps);
  } catch (error) {
    world.fail(`the simulation failed: ${error instanceof Error ? (error.stack ?? '') : ''}`);
  }
  return { seed, steps: world.steps(), ...end(), counts, findings };
}

async function runReceivers(world: World, steps: number): Promise<void> {
  let isHealed = false;
  const setting = createSetting(world, () => isHealed);
  const { slots, vendor, database } = setting;
  for (const slot of slots.keys()) setting.start(slot);
  const stranger = createStranger(world);
  const isOver = () => isHealed;
  repeat(world, 400, () => submitSomething(setting), isOver);
  repeat(world, 1500, () => breakSomething(setting), isOver);
  repeat(world, 1000, () => void attack(setting, stranger), isOver);
  supervise(setting);
  while (world.steps() < steps && world.findings.length === 0) await world.step();

  isHealed = true;
  world.note('all faults are healed');
  Object.assign(database.faults, { rate: 0, isDown: false, isSlow: false });
  vendor.apiMode = 'up';
  for (const process of slots) process?.heal();
  await drain(setting);
}

/**
 * A hundred workers on one inbox, without faults. They must not all come for each event, nor for each
 * retry: what they ask of the database beyond polling is bounded.
 */
async function runCrowd(world: World): Promise<void> {
  const plan = { processes: 100, concurrency: 5, confirm: false, leaseMs: 9000, pollMs: 1000 };
  const setting = createSetting(world, () => false, { ...plan, crashRate: 0 });
  const { slots, vendor, database } = setting;
  for (const slot of slots.keys()) setting.start(slot);
  repeat(
    world,
    100,
    () => submitSomething(setting),
    () => false,
  );
  while (world.now() < CROWD_MS && world.findings.length === 0) await world.step();
  const polls = (2 * plan.processes * CROWD_MS) / plan.pollMs;
  const events = [...vendor.tasks.values()].filter(({ finishesAt }) => finishesAt < world.now());
  const maxCalls = 2.5 * polls + MAX_CALLS_PER_EVENT * events.length;
  world.note(`${database.calls()} calls for ${events.length} events, at most ${maxCalls}`);
  if (database.calls() > maxCalls)
    world.fail(`a herd: ${database.calls()} calls for ${events.length} events`);
}

function repeat(world: World, usualMs: number, act: () => void, isOver: () => boolean): void {
  if (isOver()) return;
  world.after(operator, 2 * usualMs * world.random.next(), 'acts', () => {
    act();
    repeat(world, usualMs, act, isOver);
  });
}

function createSetting(world: World, isHealed: () => boolean, given?: Plan): Setting {
  const databaseOwner: Owner = { name: 'database', state: 'running' };
  const table = createTable(world, databaseOwner);
  const checker = createChecker(world, table);
  const database = createDatabase(world, databaseOwner, table, checker);
  const plan: Plan = given ?? {
    processes: world.random.between(1, 5),
    concurrency: world.random.between(1, 6),
    confirm: world.chance(0.4),
    leaseMs: world.chance(0.5) ? 3000 : 9000,
    pollMs: world.chance(0.5) ? 1000 : 4000,
    crashRate: world.chance(0.8) ? 0.004 : 0,
  };
  const slots: (Process | null)[] = Array.from({ length: plan.processes }, () => null);
  const vendor = createVendor(world, {
    owner: { name: 'vendor', state: 'running' },
    lossRate: world.pick([0, 0.2, 1]) ?? 0,
    route: () => world.pick(slots) ?? undefined,
    onAcknowledged: (task) => void (task.isAcknowledged = true),
    isHealed,
  });
  const environment = { world, checker, database, vendor, plan, isHealed };
  let started = 0;
  const start = (slot: number) => {
    started += 1;
    slots[slot] = createProcess(`process ${slot}.${started}`, environment);
  };
  return { world, plan, database, checker, vendor, slots, start, submitted: new Map() };
}

/** Starts another process in the place of one that has ended. */
function supervise(setting: Setting): void {
  const { world, slots, start } = setting;
  world.after(operator, 300, 'supervises', () => {
    for (const [slot, process] of slots.entries()) {
      if (process?.owner.state !== 'dead') continue;
      slots[slot] = null;
      world.after(operator, 3000 * world.random.next(), 'starts a process', () => start(slot));
    }
    supervise(setting);
  });
}

const pickRunning = ({ world, slots }: Setting): Process | undefined =>
  world.pick(slots.filter((process) => process?.owner.state === 'running')) ?? undefined;

/** As an application does: with `submit`, with `expect`, or with a callback URL only. */
function submitSomething(setting: Setting): void {
  const { world, vendor, checker } = setting;
  const process = pickRunning(setting);
  if (process === undefined) return;
  const { receiver } = process;
  const within = MINUTE_MS * (1 + world.random.next());
  const metadata = { orderId: vendor.tasks.size };
  const expected = async (taskId: string): Promise<void> => {
    await checker.requireKept(taskId, 'expectation');
    const task = vendor.tasks.get(taskId);
    if (task !== undefined) task.isExpected = true;
    world.count('expected tasks');
    if (world.chance(0.2)) await readResult(taskId, process, setting);
  };
  const ways = {
    submit: async () =>
      expected((await receiver.submit(callOf(setting, process), { within, metadata })).taskId),
    expect: async () => {
      const { task_id: taskId } = await vendor.submit(process, null);
      await receiver.expect(taskId, { within, metadata });
      await expected(taskId);
    },
    url: async () => {
      const url = await receiver.createCallbackUrl({ metadata });
      const { task_id: taskId } = await vendor.submit(process, url);
      if (world.chance(0.5)) return;
      await receiver.expect(taskId, { within, metadata });
      await expected(taskId);
    },
    key: async () => {
      const key = `order-${world.random.between(1, 1 + vendor.tasks.size)}`;
      const call = callOf(setting, process, key);
      await expected((await receiver.submit(call, { within, metadata, key })).taskId);
    },
  };
  const way = world.pick(Object.values(ways)) ?? ways.submit;
  way().catch((error: unknown) => world.note(`a submission failed: ${String(error)}`));
}

/** The submit call of an application, which fails before it submits, or not at all. */
function callOf({ world, vendor, submitted }: Setting, process: Process, key?: string) {
  return async (webhook?: { readonly url: string }) => {
    await process.pause(5, 'calls');
    if (world.chance(0.1)) throw new Error('the vendor refused the task');
    const times = (submitted.get(key ?? '') ?? 0) + 1;
    if (key !== undefined) submitted.set(key, times);
    if (key !== undefined && times > 1) world.fail(`${key} was submitted ${times} times`);
    const answer = await vendor.submit(process, webhook?.url ?? null);
    process.reach('after a submit call');
    return process.owner.state === 'dead'
      ? await new Promise<typeof answer>(() => undefined)
      : answer;
  };
}

async function readResult(taskId: string, { receiver }: Process, setting: Setting): Promise<void> {
  const { world, vendor, plan } = setting;
  const { images } = await receiver.result(taskId, { timeoutMs: 60_000 });
  const link = images[0]?.image_url;
  const forgery = findForgery(vendor.tasks.get(taskId), link, world.now(), plan.confirm);
  if (forgery !== null) world.fail(`${taskId}: result() is forged: ${forgery}`);
  world.count('results read');
}

/** One fault, for some time. */
function breakSomething(setting: Setting): void {
  const { world, database, vendor, plan } = setting;
  const process = pickRunning(setting);
  const later = (maxMs: number, act: () => void) =>
    world.after(operator, maxMs * world.random.next(), 'repairs', act);
  const faults = {
    kill: () => process?.kill(),
    stop() {
      if (process === undefined) return;
      process.stop();
      later(world.chance(0.5) ? 1000 : 3 * plan.leaseMs, () => process.resume());
    },
    jump: () => process?.jump((world.random.next() - 0.5) * 4 * MINUTE_MS),
    close: () => process && closeGracefully(process, world),
    flaky() {
      database.faults.rate = 0.1;
      later(10_000, () => (database.faults.rate = 0));
    },
    down() {
      database.faults.isDown = true;
      later(2 * plan.leaseMs, () => (database.faults.isDown = false));
    },
    slow() {
      database.faults.isSlow = true;
      later(10_000, () => (database.faults.isSlow = false));
    },
    api() {
      vendor.apiMode = world.pick(API_MODES) ?? 'up';
      later(20_000, () => (vendor.apiMode = 'up'));
    },
  };
  const [name, fault] = world.pick(Object.entries(faults)) ?? ['', () => undefined];
  world.note(`fault: ${name} ${process?.owner.name ?? ''}`);
  world.count(`fault ${name}`);
  fault();
}

function closeGracefully(process: Process, { random }: World): void {
  const closed = process.receiver.close({ gracePeriodMs: 1000 + 3000 * random.next() });
  void closed.then(() => process.kill());
}

/** A receiver of another account: its tokens are signed with another secret. */
function createStranger(world: World): Receiver {
  const clock = { now: () => world.now(), after: () => () => undefined };
  return createReceiver({
    ...{ url: URL_OF_RECEIVER, secret: SECRET.replace('the', 'not'), clock, logger: false },
  });
}

/** Sends what the vendor never sent: with a bad token, or with `confirm` also to a URL that leaked. */
async function attack({ world, vendor, plan }: Setting, stranger: Receiver): Promise<void> {
  const task = world.pick([...vendor.tasks.values()]);
  const url = task?.url ?? URL_OF_RECEIVER;
  const taskId = task === undefined || world.chance(0.5) ? `forged-${world.steps()}` : task.id;
  const urls = [
    URL_OF_RECEIVER,
    `${URL_OF_RECEIVER}?token=nwt1.a.b.c`,
    await stranger.createCallbackUrl(),
    `${url}x`,
    forgeClaims(url),
  ];
  const isLeaked = plan.confirm && task?.url != null && task.finishesAt < Infinity;
  const used = isLeaked && world.chance(0.5) ? url : (world.pick(urls) ?? url);
  const isForgedToken = used !== task?.url || !used.includes('token');
  vendor.post(used, toForgedEvent(taskId), (reply) => {
    world.count(`attacks answered ${reply?.status ?? 'never'}`);
    if (isForgedToken && reply !== null && reply.status !== 401)
      world.fail(`a forged delivery was answered ${reply.status}: ${used}`);
  });
}

/** Another claim under the signature of the URL: the first letter of the endpoint's name differs. */
const forgeClaims = (url: string) => url.replace(/(token=nwt1\.[^.]+\.eyJlIjoi)b/, '$1c');

/** Waits until nothing is open, replays dead letters as an operator does, and checks what remains. */
async function drain(setting: Setting): Promise<void> {
  const { world, vendor } = setting;
  const until = world.now() + MAX_DRAIN_MS;
  for (let rounds = 0; rounds < 4; rounds += 1) {
    while (world.findings.length === 0 && !(await isIdle(setting))) {
      if (world.now() > until)
        return world.fail(`not idle two hours later: ${await describeOpen(setting)}`);
      for (let steps = 0; steps < 50; steps += 1) await world.step();
    }
    if ((await replayDead(setting)) === 0) break;
  }
  if (world.findings.length > 0) return;
  for (const task of vendor.tasks.values()) await checkTask(task.id, setting);
}

async function isIdle({ database, vendor, slots }: Setting): Promise<boolean> {
  const { expected, pending, running } = await database.table.stats();
  const open = (expected ?? 0) + pending + running + vendor.pending();
  return open === 0 && slots.every((process) => process?.owner.state === 'running');
}

async function describeOpen({ database }: Setting): Promise<string> {
  const states = ['expected', 'pending', 'running'] as const;
  const { entries } = await database.table.list({ states, limit: 3 });
  return entries
    .map(({ taskId, state, source, reason }) => [taskId, state, source, reason].join(' '))
    .join('; ');
}

/** @returns how many entries were replayed whose task the vendor has finished */
async function replayDead({ world, database, vendor }: Setting): Promise<number> {
  const { entries } = await database.table.list({ states: ['dead'], limit: 1000 });
  const finished = entries.filter(({ taskId }) => {
    const task = vendor.tasks.get(taskId);
    return task !== undefined && task.kind !== 'poison' && task.finishesAt <= world.now();
  });
  if (finished.length > 0) world.note(`replays ${finished.length}`);
  return database.table.replayEntries(
    finished.map(({ taskId }) => ({ endpoint: ENDPOINT, taskId })),
  );
}

/** What must have become of a task in the end. */
async function checkTask(
  taskId: string,
  { world, database, vendor, checker }: Setting,
): Promise<void> {
  const task = vendor.tasks.get(taskId);
  const entry = await database.table.get({ endpoint: ENDPOINT, taskId });
  if (task === undefined || (!task.isAcknowledged && !task.isExpected)) return;
  const hasEnded = task.finishesAt <= world.now();
  const wanted = hasEnded && task.kind !== 'poison' ? 'done' : 'dead';
  const found = `${entry?.state ?? 'lost'} (${entry?.reason ?? ''})`;
  if (entry?.state !== wanted) world.fail(`${taskId} must be ${wanted}, and is ${found}`);
  if (!hasEnded || task.kind === 'poison') return;
  const names = task.status === 'TASK_STATUS_SUCCEED' ? ['first', 'second'] : ['second', 'failed'];
  const succeeded = checker.runsOf(taskId).filter(({ hasSucceeded }) => hasSucceeded);
  for (const name of names)
    if (!succeeded.some(({ handler }) => handler === name))
      world.fail(`${taskId}: ${name} never succeeded`);
}
