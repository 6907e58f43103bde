import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Agent } from 'node:http';
import { fileURLToPath } from 'node:url';

import { createReceiver } from '@novita-webhooks/core';
import { sampleEvents, signedDelivery, TEST_SECRET } from '@novita-webhooks/testing';
import { afterEach, expect, vi } from 'vitest';

import { bundled } from './bundle.ts';
import type { Answers, News, VictimOptions } from './messages.ts';
import { send } from './send.ts';

export interface StartOptions extends VictimOptions {
  /** Put before Node, to start it in other circumstances. */
  readonly wrap?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly uid?: number;
}

/** A process with a receiver on a socket. */
export interface Victim {
  readonly pid: number;
  /** Delivers the event of a task, as Novita would. Returns the status. */
  deliver(taskId: string, padding?: number): Promise<number>;
  ask<Name extends keyof Answers>(name: Name, argument?: number): Promise<Answers[Name]>;
  /** Everything logged since the last call. */
  readLog(): string;
  /** How many handlers ran for a task, and how many at a time. */
  runs(taskId: string): { readonly total: number; readonly together: number };
  /** Waits until a delivery of a new task succeeds by itself. */
  recovers(): Promise<void>;
  /** Checks that all that was acknowledged is there and handled. */
  keepsItsWord(): Promise<void>;
  kill(): Promise<void>;
}

/** An answer takes no longer than this, whatever is wrong: Novita waits for 5 s. */
const REPLY_MS = 4500;
/** The same for a GET, which has nothing to do with the inbox. */
const LOOP_MS = 350;

const root = fileURLToPath(new URL('../../../../../', import.meta.url));
const minter = createReceiver({ url: 'http://localhost/novita', secret: TEST_SECRET });
const running: Victim[] = [];
let tasks = 0;

vi.setConfig({ testTimeout: 20_000 }); // a process each takes its time on a busy machine

/** An id that no task has had. */
export const newTask = (): string => `task-${(tasks += 1)}`;

export async function startVictim(options: StartOptions): Promise<Victim> {
  const { wrap = [], env = {}, uid, ...rest } = options;
  const [command, ...args] = [...wrap, process.execPath, await bundled(), JSON.stringify(rest)];
  const child = spawn(command, args, {
    cwd: root, // from where it finds its driver
    env: { ...process.env, ...env },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    ...(uid !== undefined && { uid, gid: uid }),
  });
  const victim = await follow(child);
  running.push(victim);
  return victim;
}

async function follow(child: ChildProcess): Promise<Victim> {
  const agent = new Agent({ keepAlive: true });
  const answers = new Map<number, (news: News & { type: 'answer' }) => void>();
  const handlers = new Map<string, { total: number; now: number; together: number }>();
  const acknowledged = new Set<string>();
  const unexpected = { end: undefined as string | undefined };
  let log: string[] = [];
  let asked = 0;
  const gets: number[] = [];
  let port = 0;

  child.on('exit', (code, signal) => (unexpected.end = `the process ended: ${code ?? signal}`));
  child.on('message', (news: News) => {
    if (news.type === 'listening') port = news.port;
    else if (news.type === 'log') log.push(news.text);
    else if (news.type === 'answer') answers.get(news.id)?.(news);
    else {
      const runs = handlers.get(news.taskId) ?? { total: 0, now: 0, together: 0 };
      handlers.set(news.taskId, runs);
      runs.now += news.type === 'began' ? 1 : -1;
      runs.total += news.type === 'began' ? 1 : 0;
      runs.together = Math.max(runs.together, runs.now);
    }
  });
  await vi.waitFor(() => expect(port > 0 || unexpected.end).toBe(true), { timeout: 5000 });

  const watch = { isOn: true };
  async function watchLoop(): Promise<void> {
    while (watch.isOn) {
      const { ms } = await send({ port, agent, method: 'GET', url: '/', body: '' });
      gets.push(ms);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  const watching = watchLoop().catch(() => undefined);

  const victim: Victim = {
    pid: child.pid ?? 0,
    async deliver(taskId, padding = 0) {
      const event = sampleEvents.imageSucceeded({ taskId });
      const padded = { ...event, payload: { ...event.payload, padding: 'x'.repeat(padding) } };
      const { method, url, body } = await signedDelivery(minter, padded);
      const { status, ms } = await send({ port, agent, method, url, body: body as string });
      expect(ms, 'milliseconds until the answer').toBeLessThan(REPLY_MS);
      if (status === 200) acknowledged.add(taskId);
      return status;
    },
    async ask(name, argument = 0) {
      const id = (asked += 1);
      const answer = await new Promise<News & { type: 'answer' }>((resolve) => {
        answers.set(id, resolve);
        child.send({ id, name, argument });
      });
      if (answer.error !== undefined) throw new Error(answer.error);
      return answer.value as never;
    },
    readLog() {
      const text = log.join('\n');
      log = [];
      return text;
    },
    runs: (taskId) => handlers.get(taskId) ?? { total: 0, together: 0 },
    async recovers() {
      const taskId = newTask();
      await vi.waitFor(async () => expect(await victim.deliver(taskId)).toBe(200), {
        timeout: 3000,
        interval: 50,
      });
    },
    async keepsItsWord() {
      await vi.waitFor(
        async () => {
          const states = new Map(
            (await victim.ask('states')).map((one) => [one.taskId, one.state]),
          );
          const unfinished = [...acknowledged].filter((taskId) => states.get(taskId) !== 'done');
          expect(unfinished, 'acknowledged, and not done').toEqual([]);
        },
        { timeout: 5000, interval: 50 },
      );
      for (const taskId of acknowledged) expect(victim.runs(taskId).total).toBeGreaterThan(0);
      expect(unexpected.end, 'the process lives').toBeUndefined();
      // The four slowest do not count: this machine has other things to do as well.
      const slow = gets.sort((one, other) => other - one).at(4) ?? 0;
      expect(slow, 'a slow GET, in milliseconds').toBeLessThan(LOOP_MS);
    },
    async kill() {
      watch.isOn = false;
      agent.destroy();
      if (unexpected.end === undefined) {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
      await watching;
    },
  };
  return victim;
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((victim) => victim.kill()));
});
