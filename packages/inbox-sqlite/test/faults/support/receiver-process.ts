import { closeSync, openSync, readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';

import { createReceiver } from '@novita-webhooks/core';
import { toNodeHandler } from '@novita-webhooks/core/node';
import { createTestEntry, TEST_SECRET } from '@novita-webhooks/testing';
import { sqliteInbox } from '@novita-webhooks/inbox-sqlite';

import type { Command, CommandResults, Message, ReceiverOptions } from './messages.ts';

/** A process with a receiver on an HTTP server, which a test controls by commands. */
const options = JSON.parse(process.argv[2] ?? '') as ReceiverOptions;
const {
  path,
  busyTimeoutMs = 400,
  leaseDurationMs = 800,
  handlerMs = 0,
  cleanupIntervalMs = 60_000,
} = options;

const send = (message: Message) => void process.send?.(message);
const log =
  (level: string) =>
  ({ error = '' }: Record<string, unknown>, message: string) =>
    send({ type: 'log', level, text: `${message}: ${String(error)}` });

const inbox = sqliteInbox({
  path,
  driver: 'libsql',
  busyTimeoutMs,
  leaseDurationMs,
  cleanupIntervalMs,
  pollIntervalMs: 200,
});
const receiver = createReceiver({
  url: 'http://localhost/novita',
  secret: TEST_SECRET,
  inbox,
  logger: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
  retry: { delay: () => 50 },
  async onTaskFinished({ task }) {
    send({ type: 'handler-started', taskId: task.task_id });
    await setTimeout(handlerMs);
    send({ type: 'handler-ended', taskId: task.task_id });
  },
});
const handle = toNodeHandler(receiver);
const server = createServer((request, response) => {
  if (request.method === 'GET') response.end('alive');
  else void handle(request, response);
});
server.keepAliveTimeout = 60_000;

let descriptors: number[] = [];

const commands: {
  [Name in keyof CommandResults]: (argument: number) => Promise<CommandResults[Name]>;
} = {
  async states() {
    const { entries } = await inbox.list({ limit: 1000 });
    return entries.map(({ taskId, state, attempts }) => ({ taskId, state, attempts }));
  },
  /** Adds `count` entries at the same time, without the receiver. */
  async addMany(count) {
    const before = process.memoryUsage().rss;
    const body = JSON.stringify({ prompt: 'x'.repeat(1000) });
    const adding = Array.from({ length: count }, (_, index) =>
      inbox.add(createTestEntry({ endpoint: 'other', taskId: `many-${index}`, body })),
    );
    const outcomes = await Promise.allSettled(adding);
    const added = outcomes.filter(({ status }) => status === 'fulfilled').length;
    return { added, megabytes: (process.memoryUsage().rss - before) / 2 ** 20 };
  },
  /** Opens files until only `left` descriptors are free. */
  async exhaustDescriptors(left) {
    try {
      for (;;) descriptors.push(openSync('/dev/null', 'r'));
    } catch {
      for (const descriptor of descriptors.splice(-left, left)) closeSync(descriptor);
    }
    return null;
  },
  async freeDescriptors() {
    for (const descriptor of descriptors) closeSync(descriptor);
    descriptors = [];
    return null;
  },
  countDescriptors: async () => readdirSync('/proc/self/fd').length,
  async close(gracePeriodMs) {
    const before = performance.now();
    await receiver.close({ gracePeriodMs });
    return performance.now() - before;
  },
  async add() {
    return inbox.add(createTestEntry({ taskId: 'late' })).catch(String);
  },
};

process.on('message', ({ id, name, argument }: Command) => {
  commands[name](argument).then(
    (value) => send({ type: 'result', id, value }),
    (error: unknown) => send({ type: 'result', id, error: String(error) }),
  );
});
server.listen(0, '127.0.0.1', () => {
  send({ type: 'listening', port: (server.address() as AddressInfo).port });
});
