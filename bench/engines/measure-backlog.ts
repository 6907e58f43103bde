import { setTimeout } from 'node:timers/promises';

import { check } from '../lib/check.ts';
import type { EngineName } from '../lib/engines/engine.ts';
import {
  startInboxProcesses,
  totalCpuMs,
  type InboxProcess,
  type InboxProcesses,
  type InboxProcessesOptions,
} from './inbox-processes.ts';

export interface BacklogOptions extends InboxProcessesOptions {
  /** Number of pending entries when the workers start. */
  readonly backlog: number;
}

/** Figures of one backlog. CPU time in microseconds per entry, for all workers; bytes per entry. */
export interface BacklogFigures {
  readonly perSecond: number;
  readonly clientUs: number;
  readonly engineUs: number;
  /** Size of a done entry with its indexes. */
  readonly keptBytes: number;
  /** Bytes written to a log from add to settle. */
  readonly loggedBytes: number;
}

const TIMEOUT_MS = 300_000;

export async function measureBacklog(
  engine: EngineName,
  options: BacklogOptions,
): Promise<BacklogFigures> {
  const { backlog } = options;
  const processes = await startInboxProcesses(engine, options);
  const { place, web, workers } = processes;
  const sizeBefore = await place.size();
  await web.request({ type: 'fill', entries: backlog });
  const cpuBefore = [await totalCpuMs(workers), await place.cpuMs()] as const;

  const began = performance.now();
  await Promise.all(workers.map((worker) => worker.request({ type: 'start' })));
  await waitUntilDone(engine, processes, backlog);
  const seconds = (performance.now() - began) / 1000;

  const cpu = [await totalCpuMs(workers), await place.cpuMs()] as const;
  const size = await place.size();
  await checkHandledOnce(engine, workers, backlog);
  await processes.end();
  return {
    perSecond: backlog / seconds,
    clientUs: ((cpu[0] - cpuBefore[0]) * 1000) / backlog,
    engineUs: ((cpu[1] - cpuBefore[1]) * 1000) / backlog,
    keptBytes: (size.kept - sizeBefore.kept) / backlog,
    loggedBytes: (size.logged - sizeBefore.logged) / backlog,
  };
}

/** Counts in the inbox only at the end: counting costs the engine CPU time. */
async function waitUntilDone(
  engine: EngineName,
  { web, workers }: InboxProcesses,
  backlog: number,
): Promise<void> {
  const deadline = performance.now() + TIMEOUT_MS;
  const checkTime = () =>
    check(performance.now() < deadline, `${engine}: backlog not done after ${TIMEOUT_MS} ms`);
  while ((await countHandled(workers)) < backlog) {
    checkTime();
    await setTimeout(10);
  }
  while ((await web.request({ type: 'count' })).unfinished > 0) {
    checkTime();
    await setTimeout(5);
  }
}

async function countHandled(workers: readonly InboxProcess[]): Promise<number> {
  const replies = await Promise.all(workers.map((worker) => worker.request({ type: 'read' })));
  return replies.reduce((sum, { handled }) => sum + handled, 0);
}

/** Checks that exactly one worker handled each entry, once. */
async function checkHandledOnce(
  engine: EngineName,
  workers: readonly InboxProcess[],
  backlog: number,
): Promise<void> {
  const replies = await Promise.all(workers.map((worker) => worker.request({ type: 'starts' })));
  const ids = replies.flatMap(({ starts }) => starts.map(({ taskId }) => taskId));
  const different = new Set(ids).size;
  check(different === backlog, `${engine}: ${different} of ${backlog} entries were handled`);
  check(ids.length === backlog, `${engine}: ${backlog} entries were handled in ${ids.length} runs`);
}
