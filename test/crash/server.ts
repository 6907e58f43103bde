// The process under test: an HTTP server with a receiver and the inbox under test. Its argument is a
// `ServerOptions` in JSON. It responds to requests over its IPC channel and ends with its parent.
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

import { createReceiver, type Inbox, type Receiver } from '@novita-webhooks/core';
import { toNodeHandler } from '@novita-webhooks/core/node';

import { ENDPOINT, ENDPOINT_PATH } from './endpoint.ts';
import type { OpenInbox } from './engine.ts';
import { engines } from './engines/index.ts';
import { now, openHistory, type WriteRecord } from './history.ts';
import { createKillSwitch, type Reach } from './kill-switch.ts';
import { LEASE_MS } from './lease.ts';
import type { RequestMessage, Requests, ResponseMessage, ServerOptions } from './protocol.ts';
import { registerHandlers } from './register-handlers.ts';

/** How long `drain` waits. */
const DRAIN_TIMEOUT_MS = 60_000;
const MAX_UNFINISHED = 5;
/**
 * The shortest stall of the event loop that is recorded, in microseconds. It is below a heartbeat, since a
 * busy machine delays many steps of a heartbeat a little instead of one of them a lot.
 */
const MIN_STALL_US = 50_000;
const HOUR_MS = 3_600_000;
const CLOCK_JUMP_INTERVAL_MS = 50;

const options = JSON.parse(process.argv[2] ?? '') as ServerOptions;
const { server, cleanupIntervalMs } = options;
const { write } = openHistory(options.history);

process.on('disconnect', () => process.exit(0));
recordStalls(write);

const killSwitch = createKillSwitch(server, write);
if (options.armed?.point === 'migration') killSwitch.arm(options.armed);
const engine = engines[options.engine];
if (engine === undefined) throw new Error(`crash test: there is no engine ${options.engine}`);
if (engine.clockJumps) letClockJump();
const open = await engine.open(options.location, {
  leaseDurationMs: LEASE_MS,
  pollIntervalMs: 200,
  cleanupIntervalMs,
  retention: { doneMs: 3_600_000, deadMs: 3_600_000 },
  reach: killSwitch.reach,
  watched: options.watched,
});
if (options.expiredEntries > 0) await open.addOld?.(options.expiredEntries);
if (options.armed?.point !== 'migration') killSwitch.arm(options.armed);
const receiver = createReceiver({
  secret: options.secret,
  endpoint: ENDPOINT,
  inbox: open.inbox,
  // Each kill costs an attempt. No entry may become a dead letter because of that.
  retry: { maxAttempts: 1000, delay: () => 20 },
  logger: { debug: ignore, info: ignore, warn: ignore, error: (...of) => console.error(...of) },
});
registerHandlers(receiver, open.ledger, options, write, killSwitch.reach);
const httpServer = await listen(receiver, killSwitch.reach);
respondToRequests(createResponders(open, receiver, httpServer));
send({ id: 0, value: (httpServer.address() as AddressInfo).port });

function ignore(): void {
  // Other processes are killed all the time, so warnings are expected.
}

async function listen(to: Receiver, reach: Reach): Promise<Server> {
  const handle = toNodeHandler(to);
  const listening = createServer((request, response) => {
    const end = response.end.bind(response);
    response.end = (chunk?: unknown) => {
      if (response.statusCode < 300) reach('answer');
      return end(chunk);
    };
    if (request.url?.startsWith(ENDPOINT_PATH)) void handle(request, response);
    else response.writeHead(404).end();
  }).listen(0, '127.0.0.1');
  await once(listening, 'listening');
  return listening;
}

type Responders = {
  [Name in keyof Requests]: (...args: Parameters<Requests[Name]>) => Promise<unknown>;
};

function createResponders(
  { inbox, ledger }: OpenInbox,
  to: Receiver,
  listening: Server,
): Responders {
  return {
    async drain() {
      const deadline = performance.now() + DRAIN_TIMEOUT_MS;
      for (;;) {
        const unfinished = await findUnfinished(inbox);
        if (unfinished.length === 0 || performance.now() >= deadline) return unfinished;
        await pause(20);
      }
    },
    async states(taskIds) {
      const entries = taskIds.map((taskId) => inbox.get({ endpoint: ENDPOINT, taskId }));
      return (await Promise.all(entries)).map((entry) => entry?.state ?? null);
    },
    ledger: async () => (await ledger?.count()) ?? null,
    async close() {
      listening.close();
      await to.close({ gracePeriodMs: 3000 });
      listening.closeAllConnections();
      setImmediate(() => process.disconnect());
      return null;
    },
  };
}

/** A line for each of the first entries that are pending or running. No worker takes another endpoint. */
async function findUnfinished(inbox: Inbox): Promise<readonly string[]> {
  const open = { endpoint: ENDPOINT, states: ['pending', 'running'], bodies: false } as const;
  const { entries, readAt } = await inbox.list({ ...open, limit: MAX_UNFINISHED });
  return entries.map(({ taskId, state, attempts, dueAt }) => {
    const due = dueAt === null ? '' : `, due in ${Math.round(dueAt - readAt)} ms`;
    return `${server} drained for ${DRAIN_TIMEOUT_MS} ms: ${taskId} is ${state}, attempts ${attempts}${due}`;
  });
}

function respondToRequests(responders: Responders): void {
  process.on('message', (message) => {
    const { id, name, args } = message as RequestMessage;
    const respond = responders[name] as (...values: readonly unknown[]) => Promise<unknown>;
    respond(...args).then(
      (value) => send({ id, value }),
      (error: unknown) => send({ id, error: String(error) }),
    );
  });
}

function send(response: ResponseMessage): void {
  process.send?.(response);
}

/**
 * Sets the time of day of this process an hour forward, an hour back and right again, all the time. A kill
 * point is reached at any of these times, and each process begins at another one.
 */
function letClockJump(): void {
  const timeOfDay = Date.now.bind(Date);
  let jumps = process.pid;
  Date.now = () => timeOfDay() + ((jumps % 3) - 1) * HOUR_MS;
  setInterval(() => (jumps += 1), CLOCK_JUMP_INTERVAL_MS).unref();
}

/** A process that stands still for longer than its lease can lose it without notice. */
function recordStalls(record: WriteRecord): void {
  let last = now();
  setInterval(() => {
    const at = now();
    if (at - last > MIN_STALL_US) record({ type: 'stalled', server, from: last, at });
    last = at;
  }, 10).unref();
}
