import { createReceiver } from '@novita-webhooks/core';
import {
  createSimulator,
  toSimulatorOptions,
  type SimulatedTask,
  type Simulator,
  type SimulatorReport,
} from '@novita-webhooks/simulator';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { freePort } from '../support/program.ts';
import { engines } from '../crash/engines/index.ts';
import { compareWithInbox } from './compare-with-inbox.ts';
import { everyFault } from './every-fault.ts';
import { exportEntries, startServe } from './serve.ts';

export interface ScenarioRun {
  readonly engine: keyof typeof addresses;
  readonly tasks: number;
  readonly seed: number;
  readonly onProgress?: (line: string) => void;
}

export interface ScenarioResults {
  /** What the simulator reports before and after `redeliverAll()`. */
  readonly before: SimulatorReport;
  readonly after: SimulatorReport;
  /** Differences between the simulator and the inbox; empty if they agree. */
  readonly differences: readonly string[];
  /** Tasks whose result only the Task Result API has: their endpoint sends no webhook. */
  readonly askedFor: number;
  /** Tasks that were handled more than once. */
  readonly repeated: number;
  readonly seconds: number;
}

const SECRET = 'a secret of 32 characters, at least';
const PARALLEL_SUBMITS = 16;
const WAIT_MS = 5 * 60_000;

/** Address of an inbox for the command, from the location that an engine of `test/crash` creates. */
export const addresses = {
  sqlite: (location: string) => `sqlite:${location}`,
  postgres: (location: string) =>
    `${process.env['DATABASE_URL'] ?? 'postgres://postgres@127.0.0.1:5432/postgres'}?schema=${location}`,
  bullmq: (location: string) =>
    `${process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379'}?prefix=${location}`,
};

/** Endpoint and body of task `n`: both request shapes, and an endpoint without webhooks. */
const createRequest = (n: number, webhook: { readonly url: string }): [string, object] => {
  if (n % 10 === 3) return ['/v3/video/create', { callback_url: webhook.url }];
  const prompt = 'a red kite over a lake';
  if (n % 10 === 5) return ['minimax-speech-2.8-hd', { text: prompt, extra: { webhook } }];
  return n % 2 === 0
    ? ['kling-v3.0-std-t2v', { prompt, extra: { webhook } }]
    : ['txt2img', { extra: { webhook } }];
};

const submitAll = async (
  simulator: Simulator,
  url: string,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<void> => {
  const receiver = createReceiver({ url, secret: SECRET, logger: false });
  let next = from;
  const submitNext = async (): Promise<void> => {
    while (next < to) {
      const [endpoint, body] = createRequest(next++, await receiver.createCallback());
      await simulator.submit(endpoint, body);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL_SUBMITS }, submitNext));
  await receiver.close();
};

/** Lines of `serve --out` by task id: how often each task was handled. */
const readHandled = async (out: string): Promise<Map<string, number>> => {
  const handled = new Map<string, number>();
  for (const line of (await readFile(out, 'utf8')).split('\n').slice(0, -1)) {
    const { taskId } = JSON.parse(line) as { taskId: string };
    handled.set(taskId, (handled.get(taskId) ?? 0) + 1);
  }
  return handled;
};

const isAcknowledged = ({ eventState }: SimulatedTask): boolean => eventState === 'acknowledged';

/** Waits until every acknowledged event was handled. Returns how often each task was. */
const waitForHandlers = async (simulator: Simulator, out: string): Promise<Map<string, number>> => {
  const deadline = performance.now() + WAIT_MS;
  for (;;) {
    const handled = await readHandled(out);
    const open = simulator.tasks().filter((task) => isAcknowledged(task) && !handled.has(task.id));
    if (open.length === 0 || performance.now() > deadline) return handled;
    await pause(200);
  }
};

/** Asks for the results of tasks without webhooks. Returns how many have one. */
const askForResults = async (simulator: Simulator): Promise<number> => {
  let found = 0;
  for (const { id, eventState } of simulator.tasks()) {
    if (eventState !== 'none') continue;
    const response = await fetch(`${simulator.url}/v3/async/task-result?task_id=${id}`);
    const { task } = (await response.json()) as { task: { status: string } };
    if (/SUCCEED|FAILED/.test(task.status)) found += 1;
  }
  return found;
};

/**
 * Submits tasks to a simulator with every fault. `serve` receives their events, and starts after the first
 * ones found no listener. Compares what the simulator reports with what the inbox holds, sends again what
 * was never acknowledged, and compares once more.
 */
export const runScenario = async (run: ScenarioRun): Promise<ScenarioResults> => {
  const { tasks, seed, onProgress = () => undefined } = run;
  const startedAt = performance.now();
  const folder = await mkdtemp(join(tmpdir(), 'novita-scenario-'));
  const out = join(folder, 'out.ndjson');
  await writeFile(out, '');
  const place = await engines[run.engine]?.createPlace(folder, 'scenario');
  const inbox = addresses[run.engine](place?.location ?? '');
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/webhooks/novita`;
  const simulator = await createSimulator(toSimulatorOptions({ ...everyFault, seed }));
  const early = Math.ceil(tasks / 50);
  try {
    await submitAll(simulator, url, { from: 0, to: early });
    await simulator.idle();
    onProgress(`${early} events found no listener`);
    const serve = await startServe({ inbox, port, secret: SECRET, out });
    await submitAll(simulator, url, { from: early, to: tasks });
    onProgress('submitted');
    await simulator.idle();
    await waitForHandlers(simulator, out);
    const before = simulator.report();
    onProgress(`delivered: ${JSON.stringify(before.events)}`);
    const differences = compareWithInbox(simulator.tasks(), await exportEntries(inbox));
    await simulator.redeliverAll();
    const handled = await waitForHandlers(simulator, out);
    const after = simulator.report();
    onProgress(`sent again: ${JSON.stringify(after.events)}`);
    differences.push(...compareWithInbox(simulator.tasks(), await exportEntries(inbox)));
    await serve.stop();
    return {
      before,
      after,
      differences,
      askedFor: await askForResults(simulator),
      repeated: [...handled.values()].filter((times) => times > 1).length,
      seconds: Math.round((performance.now() - startedAt) / 1000),
    };
  } finally {
    await simulator.close();
    await place?.remove();
    await rm(folder, { recursive: true, force: true });
  }
};
