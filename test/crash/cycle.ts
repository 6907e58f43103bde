import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

import type { KillPointName } from './kill-points.ts';
import type { CyclePlan } from './plan.ts';
import type { Sender } from './sender.ts';
import type { ServerPool } from './server-pool.ts';
import type { ServerProcess } from './start-server.ts';

/** The outcome of a cycle. */
export interface Cycle {
  readonly point: KillPointName;
  /** Number of processes that were armed with the kill point. */
  readonly armed: number;
  /** Number of processes that reached it. The cycle kills the others at its end. */
  readonly hits: number;
}

/** Number of events in one cycle. */
export interface Load {
  readonly events: number;
  /** How many of them the simulator delivers. */
  readonly simulated: number;
}

/** More than one `deleteExpired` deletes in one batch. */
const EXPIRED_ENTRIES = 500;
const CLEANUP_INTERVAL_MS = 100;
const MAX_CYCLE_MS = 8000;
/** How long a cycle waits for a kill point after the last delivery. */
const MAX_QUIET_MS = 700;

/** Starts processes, sends events, and waits until the armed processes have died. */
export async function runCycle(
  pool: ServerPool,
  sender: Sender,
  plan: CyclePlan,
  { events, simulated }: Load,
): Promise<Cycle> {
  const armed = await startAll(pool, plan);
  const taskIds = Array.from({ length: events - simulated }, () => randomUUID());
  sender.send(taskIds, simulated, plan.point);
  const hits = await (plan.point === 'random'
    ? killAfter(armed, plan.triggers)
    : waitForKills(armed, sender));
  return { point: plan.point, armed: armed.length, hits };
}

/** Resolves to the armed processes. */
async function startAll(pool: ServerPool, plan: CyclePlan): Promise<readonly ServerProcess[]> {
  const startArmed = () => Promise.all(plan.triggers.map((nth) => startOne(pool, plan, nth)));
  // The first process to start migrates the inbox.
  const early = plan.point === 'migration' ? await startArmed() : undefined;
  const survivors = adjustSurvivors(pool, plan.survivors);
  const armed = early ?? (await startArmed());
  await survivors;
  return armed;
}

/** Keeps survivors of the last cycle, and closes or starts processes until the number is right. */
async function adjustSurvivors(pool: ServerPool, wanted: number): Promise<void> {
  const present = pool.alive();
  await Promise.all([
    ...present.slice(wanted).map((server) => pool.close(server)),
    ...Array.from({ length: Math.max(0, wanted - present.length) }, () => pool.start({})),
  ]);
}

/** The points that `server.ts` and its handlers report, not the engine. */
const POINTS_OUTSIDE_ENGINE: readonly KillPointName[] = ['answer', 'handler', 'handled', 'random'];

function startOne(pool: ServerPool, plan: CyclePlan, nth: number): Promise<ServerProcess> {
  const { point } = plan;
  return pool.start({
    armed: point === 'random' ? null : { point, nth, signal: 'SIGKILL' },
    ...(point === 'deleteExpired' && {
      expiredEntries: EXPIRED_ENTRIES,
      cleanupIntervalMs: CLEANUP_INTERVAL_MS,
    }),
    watched: !(plan.unwatched && POINTS_OUTSIDE_ENGINE.includes(point)),
  });
}

async function killAfter(
  servers: readonly ServerProcess[],
  delaysMs: readonly number[],
): Promise<number> {
  await Promise.all(
    servers.map(async (server, index) => {
      await pause(delaysMs[index] ?? 0);
      await server.kill();
    }),
  );
  return servers.length;
}

async function waitForKills(servers: readonly ServerProcess[], sender: Sender): Promise<number> {
  const startedAt = performance.now();
  let quietSince = Infinity;
  for (;;) {
    const left = servers.filter((server) => server.isAlive());
    const now = performance.now();
    quietSince = sender.outstanding() > 0 ? Infinity : Math.min(quietSince, now);
    const isOver = now > quietSince + MAX_QUIET_MS || now > startedAt + MAX_CYCLE_MS;
    if (left.length > 0 && !isOver) {
      await pause(10);
      continue;
    }
    await Promise.all(left.map((server) => server.kill()));
    return servers.length - left.length;
  }
}
