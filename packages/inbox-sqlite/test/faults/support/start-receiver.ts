import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Agent } from 'node:http';
import { fileURLToPath } from 'node:url';

import { createReceiver } from '@novita-webhooks/core';
import { sampleEvents, signedDelivery, TEST_SECRET } from '@novita-webhooks/testing';
import { afterEach, expect, vi } from 'vitest';

import { bundleScript, copyDriver } from './bundle.ts';
import type { CommandResults, Message, ReceiverOptions } from './messages.ts';
import { send } from './send.ts';

export interface StartOptions extends ReceiverOptions {
  /** A command that starts Node with limits of its own, such as a small disk. */
  readonly wrap?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly uid?: number;
}

/** A child process with a receiver on an HTTP server. */
export interface ReceiverProcess {
  readonly pid: number;
  /** Delivers the event of a task, as Novita would. Returns the status. */
  deliver(taskId: string, paddingBytes?: number): Promise<number>;
  /** Runs a command in the process. */
  call<Name extends keyof CommandResults>(
    name: Name,
    argument?: number,
  ): Promise<CommandResults[Name]>;
  /** Returns everything logged since the previous call. */
  readLog(): string;
  /** How many handlers ran for a task, and how many at the same time. */
  handlerRuns(taskId: string): { readonly total: number; readonly maxConcurrent: number };
  /** Waits until a delivery of a new task is answered 200. */
  expectRecovery(): Promise<void>;
  /** Checks that every acknowledged event was handled, and that the process stayed responsive. */
  expectNothingLost(): Promise<void>;
  kill(): Promise<void>;
}

/** Longest time for an answer under any fault: Novita waits for 5 s. */
const MAX_REPLY_MS = 4500;
/** Longest time for the answer to a GET, which does not use the inbox. */
const MAX_EVENT_LOOP_DELAY_MS = 350;

const root = fileURLToPath(new URL('../../../../../', import.meta.url));
const minter = createReceiver({ url: 'http://localhost/novita', secret: TEST_SECRET });
const running: ReceiverProcess[] = [];
let tasks = 0;

vi.setConfig({ testTimeout: 20_000 }); // starting a process takes long on a busy machine

/** Returns an id that no other task has. */
export const newTask = (): string => `task-${(tasks += 1)}`;

export async function startReceiver(options: StartOptions): Promise<ReceiverProcess> {
  const { wrap = [], env = {}, uid, ...rest } = options;
  const script = await bundleScript('receiver-process.ts');
  const [command, ...args] = [...wrap, process.execPath, script, JSON.stringify(rest)];
  const child = spawn(command, args, {
    cwd: uid === undefined ? root : copyDriver(), // the process finds its driver from here
    env: { ...process.env, ...env },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    ...(uid !== undefined && { uid, gid: uid }),
  });
  const receiver = await connectTo(child);
  running.push(receiver);
  return receiver;
}

type Result = Message & { type: 'result' };

async function connectTo(child: ChildProcess): Promise<ReceiverProcess> {
  const agent = new Agent({ keepAlive: true });
  const pendingCalls = new Map<number, (result: Result) => void>();
  const handlers = new Map<string, { total: number; current: number; maxConcurrent: number }>();
  const acknowledged = new Set<string>();
  const ended = { reason: undefined as string | undefined };
  let log: string[] = [];
  let calls = 0;
  const getMs: number[] = [];
  let port = 0;

  child.on('exit', (code, signal) => (ended.reason = `the process ended: ${code ?? signal}`));
  child.on('message', (message: Message) => {
    if (message.type === 'listening') port = message.port;
    else if (message.type === 'log') log.push(message.text);
    else if (message.type === 'result') pendingCalls.get(message.id)?.(message);
    else {
      const runs = handlers.get(message.taskId) ?? { total: 0, current: 0, maxConcurrent: 0 };
      handlers.set(message.taskId, runs);
      runs.current += message.type === 'handler-started' ? 1 : -1;
      runs.total += message.type === 'handler-started' ? 1 : 0;
      runs.maxConcurrent = Math.max(runs.maxConcurrent, runs.current);
    }
  });
  await expect.poll(() => port > 0 || ended.reason).toBe(true);

  const watch = { isOn: true };
  async function measureEventLoop(): Promise<void> {
    while (watch.isOn) {
      const { ms } = await send({ port, agent, method: 'GET', url: '/', body: '' });
      getMs.push(ms);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  const measuring = measureEventLoop().catch(() => undefined);

  const receiver: ReceiverProcess = {
    pid: child.pid ?? 0,
    async deliver(taskId, paddingBytes = 0) {
      const event = sampleEvents.imageSucceeded({ taskId });
      const padded = { ...event, payload: { ...event.payload, padding: 'x'.repeat(paddingBytes) } };
      const { method, url, body } = await signedDelivery(minter, padded);
      const { status, ms } = await send({ port, agent, method, url, body: body as string });
      expect(ms, 'milliseconds until the answer').toBeLessThan(MAX_REPLY_MS);
      if (status === 200) acknowledged.add(taskId);
      return status;
    },
    async call(name, argument = 0) {
      const id = (calls += 1);
      const result = await new Promise<Result>((resolve) => {
        pendingCalls.set(id, resolve);
        child.send({ id, name, argument });
      });
      if (result.error !== undefined) throw new Error(result.error);
      return result.value as never;
    },
    readLog() {
      const text = log.join('\n');
      log = [];
      return text;
    },
    handlerRuns: (taskId) => handlers.get(taskId) ?? { total: 0, maxConcurrent: 0 },
    async expectRecovery() {
      const taskId = newTask();
      // On a busy machine the circuit breaker stays open for seconds.
      await expect.poll(() => receiver.deliver(taskId)).toBe(200);
    },
    async expectNothingLost() {
      const findUnfinished = async () => {
        const states = new Map(
          (await receiver.call('states')).map((one) => [one.taskId, one.state]),
        );
        return [...acknowledged].filter((taskId) => states.get(taskId) !== 'done');
      };
      await expect.poll(findUnfinished, { message: 'acknowledged, but not done' }).toEqual([]);
      for (const taskId of acknowledged) {
        expect(receiver.handlerRuns(taskId).total).toBeGreaterThan(0);
      }
      expect(ended.reason, 'the process is alive').toBeUndefined();
      // Ignores the four slowest, because other processes use this machine as well.
      const fifthSlowest = getMs.sort((one, other) => other - one).at(4) ?? 0;
      expect(fifthSlowest, 'a slow GET, in milliseconds').toBeLessThan(MAX_EVENT_LOOP_DELAY_MS);
    },
    async kill() {
      watch.isOn = false;
      agent.destroy();
      if (ended.reason === undefined) {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
      await measuring;
    },
  };
  return receiver;
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((receiver) => receiver.kill()));
});
