// The process that gets killed: a server with a receiver and the inbox under test. It is told by its
// argument what to be, answers questions over its IPC channel, and ends with its parent.
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

import { createReceiver, type Inbox, type Receiver } from '@novita-webhooks/core';
import { toNodeHandler } from '@novita-webhooks/core/node';

import { NAME, PATH } from './endpoint.ts';
import type { OpenInbox } from './engine.ts';
import { engines } from './engines/index.ts';
import { registerHandlers } from './handlers.ts';
import { now, openJournal, type Write } from './history.ts';
import type { Answer, Question, Questions, VictimOptions } from './protocol.ts';
import { createTrap, type Reach } from './kill-switch.ts';

/** How long to wait for what is left; what is not handled by then will be counted as lost. */
const DRAIN_MS = 60_000;
/** In microseconds; shorter ones are of no interest. */
const STALL_US = 50_000;

const options = JSON.parse(process.argv[2] ?? '') as VictimOptions;
const { victim, leaseDurationMs, cleanupIntervalMs } = options;
const { write } = openJournal(options.journal);

process.on('disconnect', () => process.exit(0));
watchForStalls(write);

const trap = createTrap(victim, write);
if (options.arm?.point === 'migration') trap.arm(options.arm);
const engine = engines[options.engine];
if (engine === undefined) throw new Error(`there is no engine ${options.engine}`);
const open = await engine.open(options.location, {
  leaseDurationMs,
  pollIntervalMs: 200,
  cleanupIntervalMs,
  retention: { doneMs: 3_600_000, deadMs: 3_600_000 },
  reach: trap.reach,
  watched: options.watched,
});
if (options.oldEntries > 0) await open.addOld?.(options.oldEntries);
if (options.arm?.point !== 'migration') trap.arm(options.arm);
const receiver = createReceiver({
  secret: options.secret,
  endpoint: NAME,
  inbox: open.inbox,
  // A kill costs an attempt; here that must not make anything a dead letter.
  retry: { maxAttempts: 1000, delay: () => 20 },
  logger: { debug: ignore, info: ignore, warn: ignore, error: (...of) => console.error(...of) },
});
registerHandlers(receiver, open.ledger, options, write, trap.reach);
const server = await serve(receiver, trap.reach);
answerQuestions(questionsFor(open, receiver, server));
send({ id: 0, value: (server.address() as AddressInfo).port });

function ignore(): void {
  // What is expected while others are killed says nothing.
}

async function serve(to: Receiver, reach: Reach): Promise<Server> {
  const handle = toNodeHandler(to);
  const listening = createServer((request, response) => {
    const end = response.end.bind(response);
    response.end = (chunk?: unknown) => {
      if (response.statusCode < 300) reach('answer');
      return end(chunk);
    };
    if (request.url?.startsWith(PATH)) void handle(request, response);
    else response.writeHead(404).end();
  }).listen(0, '127.0.0.1');
  await once(listening, 'listening');
  return listening;
}

function questionsFor(
  { inbox, ledger }: OpenInbox,
  to: Receiver,
  listening: Server,
): { [Name in keyof Questions]: (...args: Parameters<Questions[Name]>) => Promise<unknown> } {
  return {
    async drain() {
      const deadline = performance.now() + DRAIN_MS;
      while ((await waiting(inbox)) > 0 && performance.now() < deadline) await pause(20);
      return null;
    },
    async states(taskIds) {
      const entries = taskIds.map((taskId) => inbox.get({ endpoint: NAME, taskId }));
      return (await Promise.all(entries)).map((entry) => entry?.state ?? null);
    },
    ledger: async () => (await ledger?.count()) ?? null,
    settled: async () => {
      const { done, retry, dead, released } = (await to.stats()).outcomes;
      return done + retry + dead + released;
    },
    async close() {
      listening.close();
      await to.close({ gracePeriodMs: 3000 });
      listening.closeAllConnections();
      setImmediate(() => process.disconnect());
      return null;
    },
  };
}

async function waiting(inbox: Inbox): Promise<number> {
  const { pending, running } = await inbox.stats();
  return pending + running;
}

function answerQuestions(questions: ReturnType<typeof questionsFor>): void {
  process.on('message', (message) => {
    const { id, name, args } = message as Question;
    const answer = questions[name] as (...given: readonly unknown[]) => Promise<unknown>;
    answer(...args).then(
      (value) => send({ id, value }),
      (error: unknown) => send({ id, error: String(error) }),
    );
  });
}

function send(answer: Answer): void {
  process.send?.(answer);
}

/** Whoever stands still for longer than a lease may lose it without a chance to notice. */
function watchForStalls(journal: Write): void {
  let last = now();
  setInterval(() => {
    const at = now();
    if (at - last > STALL_US) journal({ type: 'stalled', victim, from: last, at });
    last = at;
  }, 10).unref();
}
