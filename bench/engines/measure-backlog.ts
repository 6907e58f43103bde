import { setTimeout } from 'node:timers/promises';

import { check } from '../lib/check.ts';
import type { EngineName } from '../lib/engines/engine.ts';
import {
  cpuOf,
  startTeam,
  type EngineProcess,
  type Team,
  type TeamOptions,
} from './inbox-processes.ts';

export interface HandlingOptions extends TeamOptions {
  /** Entries that wait when the workers begin. */
  readonly backlog: number;
}

/** One backlog. Processor time in microseconds per entry, workers together; bytes per entry. */
export interface Handling {
  readonly perSecond: number;
  readonly clientUs: number;
  readonly engineUs: number;
  /** With its indexes, once it is done. */
  readonly keptBytes: number;
  /** Written to a log from the add to the settle. */
  readonly loggedBytes: number;
}

/** How long a backlog may take, in milliseconds. */
const PATIENCE_MS = 300_000;

export async function measureHandling(
  engine: EngineName,
  options: HandlingOptions,
): Promise<Handling> {
  const { backlog } = options;
  const team = await startTeam(engine, options);
  const { place, web, workers } = team;
  const sizeBefore = await place.size();
  await web.ask({ type: 'fill', entries: backlog });
  const cpuBefore = [await cpuOf(workers), await place.cpuMs()] as const;

  const began = performance.now();
  await Promise.all(workers.map((worker) => worker.ask({ type: 'work' })));
  await untilDone(engine, team, backlog);
  const seconds = (performance.now() - began) / 1000;

  const cpu = [await cpuOf(workers), await place.cpuMs()] as const;
  const size = await place.size();
  await checkOnce(engine, workers, backlog);
  await team.end();
  return {
    perSecond: backlog / seconds,
    clientUs: ((cpu[0] - cpuBefore[0]) * 1000) / backlog,
    engineUs: ((cpu[1] - cpuBefore[1]) * 1000) / backlog,
    keptBytes: (size.kept - sizeBefore.kept) / backlog,
    loggedBytes: (size.logged - sizeBefore.logged) / backlog,
  };
}

/** The inbox is asked only at the end: that costs it something. */
async function untilDone(engine: EngineName, team: Team, backlog: number): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  const inTime = () => check(performance.now() < deadline, `${engine}: the backlog does not end`);
  while ((await handledBy(team.workers)) < backlog) {
    inTime();
    await setTimeout(10);
  }
  while ((await team.web.ask({ type: 'count' })).open > 0) {
    inTime();
    await setTimeout(5);
  }
}

async function handledBy(workers: readonly EngineProcess[]): Promise<number> {
  const answers = await Promise.all(workers.map((worker) => worker.ask({ type: 'read' })));
  return answers.reduce((sum, { handled }) => sum + handled, 0);
}

/** Every entry in exactly one worker, once. */
async function checkOnce(
  engine: EngineName,
  workers: readonly EngineProcess[],
  backlog: number,
): Promise<void> {
  const answers = await Promise.all(workers.map((worker) => worker.ask({ type: 'starts' })));
  const ids = answers.flatMap(({ starts }) => starts.map(({ taskId }) => taskId));
  const different = new Set(ids).size;
  check(different === backlog, `${engine}: ${different} of ${backlog} entries were handled`);
  check(ids.length === backlog, `${engine}: ${backlog} entries were handled in ${ids.length} runs`);
}
