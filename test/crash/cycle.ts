import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

import type { Novita } from './sender.ts';
import type { CyclePlan } from './plan.ts';
import type { PointName } from './kill-points.ts';
import type { Pool } from './server-pool.ts';
import type { VictimProcess } from './start-server.ts';

/** What became of a cycle. */
export interface Cycle {
  readonly point: PointName;
  /** Processes that were to be killed at the point. */
  readonly armed: number;
  /** Those that were: the others never came there, and were killed at the end. */
  readonly hits: number;
}

/** Events of one cycle. */
export interface Load {
  readonly events: number;
  /** How many of them go through the simulator. */
  readonly simulated: number;
}

/** Old entries for a purge to find, which takes some of them at a time. */
const OLD_ENTRIES = 500;
const PURGE_MS = 100;
const LONGEST_MS = 8000;
const AFTERWARDS_MS = 700;

/** Starts processes, sends events, and waits until those that are armed have died. */
export async function runCycle(
  pool: Pool,
  novita: Novita,
  plan: CyclePlan,
  { events, simulated }: Load,
): Promise<Cycle> {
  const armed = await startAll(pool, plan);
  const plain = Array.from({ length: events - simulated }, () => randomUUID());
  novita.send(plain, simulated, plan.point);
  const hits = await (plan.point === 'random'
    ? killLater(armed, plan.nths)
    : waitForDeaths(armed, novita));
  return { point: plan.point, armed: armed.length, hits };
}

/** Resolves to the processes that are to be killed. */
async function startAll(pool: Pool, plan: CyclePlan): Promise<readonly VictimProcess[]> {
  const startArmed = () => Promise.all(plan.nths.map((nth) => startOne(pool, plan, nth)));
  // Others would migrate the file before them.
  const early = plan.point === 'migration' ? await startArmed() : undefined;
  const survivors = adjustSurvivors(pool, plan.survivors);
  const armed = early ?? (await startArmed());
  await survivors;
  return armed;
}

/** The survivors of the cycle before go on, as many as are wanted. */
async function adjustSurvivors(pool: Pool, wanted: number): Promise<void> {
  const present = pool.alive();
  await Promise.all([
    ...present.slice(wanted).map((victim) => pool.close(victim)),
    ...Array.from({ length: Math.max(0, wanted - present.length) }, () => pool.start({})),
  ]);
}

const OF_THE_HARNESS: readonly PointName[] = ['answer', 'handler', 'handled', 'random'];

function startOne(pool: Pool, plan: CyclePlan, nth: number): Promise<VictimProcess> {
  const { point } = plan;
  return pool.start({
    arm: point === 'random' ? null : { point, nth, signal: 'SIGKILL' },
    ...(point === 'purge' && { oldEntries: OLD_ENTRIES, cleanupIntervalMs: PURGE_MS }),
    watched: !(plan.unwatched && OF_THE_HARNESS.includes(point)),
  });
}

async function killLater(
  victims: readonly VictimProcess[],
  delaysMs: readonly number[],
): Promise<number> {
  await Promise.all(
    victims.map(async (victim, index) => {
      await pause(delaysMs[index] ?? 0);
      await victim.kill();
    }),
  );
  return victims.length;
}

async function waitForDeaths(victims: readonly VictimProcess[], novita: Novita): Promise<number> {
  const startedAt = performance.now();
  let quietSince = Infinity;
  for (;;) {
    const left = victims.filter((victim) => victim.isAlive());
    const now = performance.now();
    quietSince = novita.outstanding() > 0 ? Infinity : Math.min(quietSince, now);
    const isOver = now > quietSince + AFTERWARDS_MS || now > startedAt + LONGEST_MS;
    if (left.length > 0 && !isOver) {
      await pause(10);
      continue;
    }
    await Promise.all(left.map((victim) => victim.kill()));
    return victims.length - left.length;
  }
}
