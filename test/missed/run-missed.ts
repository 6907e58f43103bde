import { createReceiver, type Receiver } from '@novita-webhooks/core';
import { createSimulator, type Plan, type Simulator } from '@novita-webhooks/simulator';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { freePort } from '../support/program.ts';
import { engines } from '../crash/engines/index.ts';
import { INBOX_OPTIONS, SECRET, type WorkerOptions } from './options.ts';

export interface MissedOptions {
  readonly engine: string;
  readonly tasks: number;
  /** No task has a webhook. Otherwise 20 % are dropped, 20 % find no listener, 10 % are doubled. */
  readonly withoutWebhooks: boolean;
  /** Milliseconds between two SIGKILLs of a server; 0: none. */
  readonly killEveryMs: number;
  /** Is called every second. */
  readonly onProgress?: (handled: number) => void;
}

export interface MissedResults {
  /** Submitted tasks that no handler got. */
  readonly missed: readonly string[];
  /** Task ids that handlers got and that were never submitted. */
  readonly forgedHandled: readonly string[];
  /** Forged events that were answered 2xx. Confirmation keeps them from handlers. */
  readonly forgedAccepted: number;
  /** Tasks that were handled more than once: a process was killed between the effect and its record. */
  readonly repeated: number;
  readonly kills: number;
  readonly seconds: number;
}

const SERVERS = 2;
const WAIT_MS = 10 * 60_000;

/**
 * Submits tasks whose webhooks are lost, late, doubled or forged, while servers are killed, and waits
 * until every task was handled.
 */
export async function runMissed(options: MissedOptions): Promise<MissedResults> {
  const startedAt = performance.now();
  const folder = await mkdtemp(join(tmpdir(), 'novita-missed-'));
  const engine = engines[options.engine];
  if (engine === undefined) throw new Error(`unknown engine ${options.engine}`);
  const place = await engine.createPlace(folder, 'missed');
  const simulator = await createSimulator({
    ...{ apiKey: 'key', taskMs: 500, retry: { maxRetries: 2, delayMs: () => 300 } },
  });
  const handledFile = join(folder, 'handled');
  await writeFile(handledFile, '');
  const ports = await Promise.all(Array.from({ length: SERVERS }, freePort));
  const workers = ports.map((port) => ({
    ...{ engine: options.engine, location: place.location, port, handledFile },
    ...{ url: `http://127.0.0.1:${port}/`, simulatorUrl: simulator.url },
  }));
  const servers = createServers(workers);
  const { inbox } = await engine.open(place.location, INBOX_OPTIONS);
  const submitters = workers.map(({ url }) =>
    createReceiver({ url, secret: SECRET, inbox, consume: false, logger: false }),
  );
  try {
    await servers.start();
    const killing = servers.killRegularly(options.killEveryMs);
    const submitted = await submitAll(submitters, simulator, options);
    const forgedAccepted = await forge(submitters, options.tasks / 20);
    const handled = await waitForAll(submitted, handledFile, options);
    const kills = await killing.stop();
    return {
      missed: [...submitted].filter((taskId) => !handled.has(taskId)),
      forgedHandled: [...handled.keys()].filter((taskId) => !submitted.has(taskId)),
      forgedAccepted,
      repeated: [...handled.values()].filter((runs) => runs > 1).length,
      kills,
      seconds: Math.round((performance.now() - startedAt) / 1000),
    };
  } finally {
    await servers.stop();
    await Promise.all(submitters.map((one) => one.close())); // the last one closes the inbox
    await simulator.close();
    await place.remove();
    await rm(folder, { recursive: true, force: true });
  }
}

function createServers(workers: readonly WorkerOptions[]) {
  const program = fileURLToPath(new URL('worker.ts', import.meta.url));
  const running = new Map<number, ChildProcess>();

  async function start(index: number): Promise<void> {
    const child = fork(program, [JSON.stringify(workers[index])], {
      execArgv: ['--import', 'tsx'],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    running.set(index, child);
    await Promise.race([once(child, 'message'), once(child, 'exit')]);
  }

  async function kill(index: number): Promise<void> {
    const child = running.get(index);
    if (child?.exitCode !== null || child.signalCode !== null) return; // it has ended
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  return {
    start: () => Promise.all(workers.map((_, index) => start(index))),
    stop: () => Promise.all([...running.keys()].map(kill)),
    killRegularly(everyMs: number) {
      let isOver = everyMs === 0;
      const loop = async (): Promise<number> => {
        for (let kills = 0; ; kills += 1) {
          for (let waited = 0; waited < everyMs && !isOver; waited += 100) await pause(100);
          if (isOver) return kills;
          await kill(kills % workers.length);
          await start(kills % workers.length);
        }
      };
      const ended = loop();
      return {
        async stop(): Promise<number> {
          isOver = true;
          return ended;
        },
      };
    },
  };
}

const PARALLEL = 20;

async function submitAll(
  submitters: readonly Receiver[],
  simulator: Simulator,
  { tasks, withoutWebhooks }: MissedOptions,
): Promise<Set<string>> {
  const submitted = new Set<string>();
  const submitOne = async (n: number) => {
    const receiver = submitters[n % submitters.length];
    const plan: Plan = { dropDelivery: n % 5 === 0, duplicates: n % 10 === 1 ? 1 : 0 };
    const hasNoListener = n % 5 === 2; // as if no server had run until the last retry
    const task = await receiver?.submit((webhook) => {
      const isDelivered = webhook !== undefined && !withoutWebhooks && !hasNoListener;
      const body = isDelivered ? { extra: { webhook } } : {};
      return simulator.submit('txt2img', body, plan);
    });
    if (task) submitted.add(task.taskId);
  };
  for (let n = 0; n < tasks; n += PARALLEL) {
    const batch = Array.from({ length: Math.min(PARALLEL, tasks - n) }, (_, index) => n + index);
    await Promise.all(batch.map(submitOne));
  }
  return submitted;
}

/** Sends events of tasks that do not exist to callback URLs that have leaked. Returns how many passed. */
async function forge(receivers: readonly Receiver[], count: number): Promise<number> {
  let accepted = 0;
  for (let n = 0; n < count; n += 1) {
    const url = await receivers[n % receivers.length]?.createCallbackUrl();
    const task = { task_id: `forged-${n}`, status: 'TASK_STATUS_SUCCEED' };
    const body = JSON.stringify({ event_type: 'ASYNC_TASK_RESULT', payload: { task } });
    const headers = { 'content-type': 'application/json' };
    // The server may be dead at the moment.
    const response = await fetch(url ?? '', { method: 'POST', headers, body }).catch(() => null);
    if (response?.ok) accepted += 1;
  }
  return accepted;
}

/** Runs of the handlers by task id. */
async function waitForAll(
  submitted: ReadonlySet<string>,
  handledFile: string,
  { onProgress }: MissedOptions,
): Promise<Map<string, number>> {
  const deadline = performance.now() + WAIT_MS;
  for (;;) {
    const handled = new Map<string, number>();
    for (const taskId of (await readFile(handledFile, 'utf8')).split('\n').filter(Boolean)) {
      handled.set(taskId, (handled.get(taskId) ?? 0) + 1);
    }
    onProgress?.(handled.size);
    const isDone = [...submitted].every((taskId) => handled.has(taskId));
    if (isDone || performance.now() > deadline) return handled;
    await pause(1000);
  }
}
