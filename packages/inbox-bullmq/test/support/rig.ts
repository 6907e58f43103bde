import { once } from 'node:events';
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

import { createReceiver, type Inbox, type Receiver } from '@novita-webhooks/core';
import { toNodeHandler } from '@novita-webhooks/core/node';
import { bullmqInbox, type BullmqInboxOptions } from '@novita-webhooks/inbox-bullmq';

import { afterwards, until } from './inbox.ts';

/** A receiver on a real server, and a client that delivers to it. */
export interface Rig {
  readonly receiver: Receiver;
  readonly inbox: Inbox;
  /** What it has logged as a warning or an error, a line each. */
  readonly log: readonly string[];
  /** How often each task was handled. */
  readonly handled: ReadonlyMap<string, number>;
  /** Tasks whose delivery was answered 2xx. */
  readonly acknowledged: ReadonlySet<string>;
  deliver(taskId?: string): Promise<Answer>;
  /** Delivers all the time, until it is stopped; what was answered since then. */
  load(): { stop(): Promise<readonly Answer[]> };
  /** Resolves when deliveries are taken again. */
  recovers(): Promise<void>;
  /** Resolves when all that was acknowledged has been handled. */
  allHandled(): Promise<void>;
}

export interface Answer {
  readonly status: number;
  readonly ms: number;
}

export const REPLY_MS = 1000;

export async function startRig(
  url: string,
  options: Partial<BullmqInboxOptions> = {},
): Promise<Rig> {
  const inbox = bullmqInbox({
    connection: url,
    leaseDurationMs: 1000,
    pollIntervalMs: 200,
    commandTimeoutMs: 500,
    ...options,
  });
  const log: string[] = [];
  const note = (details: unknown, message: string) =>
    log.push(`${message} ${JSON.stringify(details)}`);
  const ignore = () => undefined;
  const receiver = createReceiver({
    insecure: true,
    inbox,
    limits: { replyTimeoutMs: REPLY_MS },
    retry: { maxAttempts: 1000, delay: () => 50 },
    logger: { debug: ignore, info: note, warn: note, error: note },
  });
  const handled = new Map<string, number>();
  receiver.onTaskFinished(async ({ task }) => {
    await pause(2);
    handled.set(task.task_id, (handled.get(task.task_id) ?? 0) + 1);
  });
  const handle = toNodeHandler(receiver);
  const server = createServer((incoming, outgoing) => void handle(incoming, outgoing)).listen(
    0,
    '127.0.0.1',
  );
  await once(server, 'listening');
  receiver.start();
  const agent = new Agent({ keepAlive: true, maxSockets: 50 });
  afterwards(async () => {
    agent.destroy();
    server.closeAllConnections();
    server.close();
    await receiver.close({ gracePeriodMs: 500 });
  });
  const acknowledged = new Set<string>();
  const { port } = server.address() as AddressInfo;

  async function deliver(taskId: string = randomUUID()): Promise<Answer> {
    const answer = await post(port, agent, toBody(taskId));
    if (answer.status < 300) acknowledged.add(taskId);
    return answer;
  }

  return {
    receiver,
    inbox,
    log,
    handled,
    acknowledged,
    deliver,
    load() {
      let isOver = false as boolean;
      const answers: Promise<Answer>[] = [];
      const over = (async () => {
        while (!isOver) {
          answers.push(deliver());
          await pause(10);
        }
      })();
      return {
        async stop() {
          isOver = true;
          await over;
          return Promise.all(answers);
        },
      };
    },
    recovers: () => until('recovered', async () => (await deliver()).status === 200, 15_000),
    allHandled: () =>
      until('all handled', () => [...acknowledged].every((taskId) => handled.has(taskId)), 15_000),
  };
}

function toBody(taskId: string): string {
  const task = { task_id: taskId, status: 'TASK_STATUS_SUCCEED', task_type: 'TXT_TO_IMG' };
  const payload = {
    task,
    extra: {},
    images: [],
    videos: [],
    audios: [],
    padding: 'x'.repeat(2000),
  };
  return JSON.stringify({ event_type: 'ASYNC_TASK_RESULT', payload });
}

function post(port: number, agent: Agent, body: string): Promise<Answer> {
  const startedAt = performance.now();
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' };
    const sending = request({ host: '127.0.0.1', port, agent, method: 'POST', path: '/', headers });
    sending.on('error', reject);
    sending.on('response', (response) => {
      response.resume();
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, ms: performance.now() - startedAt });
      });
    });
    sending.end(body);
  });
}
