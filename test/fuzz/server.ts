// A server that is fuzzed, in a process of its own.
import {
  createReceiver,
  memoryInbox,
  type Inbox,
  type Logger,
  type Receiver,
} from '@novita-webhooks/core';
import { TEST_SECRET } from '@novita-webhooks/testing';

import type { Fault, Memory, Report, ServerOptions } from './protocol.ts';
import { serveAdapter } from './serve-adapter.ts';
import { MARK, PATH } from './shared.ts';

const { adapter, fault } = JSON.parse(process.argv[2] ?? '') as ServerOptions;
const problems: string[] = [];
const leaked: object[] = [];
let added = 0;

process.on('unhandledRejection', (error) => problems.push(`unhandled rejection: ${String(error)}`));
process.on('disconnect', () => process.exit());

/** Every line, to find values of requests in them. The id of an accepted task may be there. */
const check = (details: object, message: string): void => {
  const line = `${JSON.stringify({ ...details, taskId: undefined })} ${message}`;
  if (line.includes(MARK) || /nwt1\.\w/.test(line)) problems.push(`log line with a value: ${line}`);
};
const logger: Logger = { debug: check, info: check, warn: check, error: check };

/** Counts what is added, and fails now and then. */
function faulty(inbox: Inbox): Inbox {
  let calls = 0;
  return {
    ...inbox,
    async add(entry) {
      calls += 1;
      if (calls % 97 === 0) throw new Error('connection refused');
      if (fault === 'lose' && calls % 20 === 0) return 'added';
      const result = await inbox.add(entry);
      if (result === 'added') added += 1;
      return result;
    },
  };
}

const receiver = createReceiver({
  url: `http://127.0.0.1${PATH}`,
  secret: TEST_SECRET,
  inbox: faulty(memoryInbox()),
  limits: { maxBodyBytes: 65_536, maxTotalBodyBytes: 163_840, bodyTimeoutMs: 400 },
  retry: { maxAttempts: 1 },
  logger,
  onTaskFailed() {
    throw new Error('the handler does not like this task');
  },
  onTaskSucceeded: () => undefined,
});

/** Does what must not happen, in one of a few hundred deliveries. */
function withFault(kind: Fault | null): Receiver {
  if (kind === null || kind === 'lose') return receiver;
  let calls = 0;
  return Object.assign(receiver, {
    handle: ((handle) => async (request, runtime) => {
      const reply = await handle(request, runtime);
      calls += 1;
      if (kind === 'leak') leaked.push(new Uint8Array(100_000));
      if (calls % 60 !== 0) return reply;
      if (kind === 'crash') setImmediate(() => process.exit(3));
      if (kind === 'reject') void Promise.reject(new Error('planted'));
      if (kind === 'log') logger.warn({ url: request.url }, 'planted');
      if (kind === 'echo')
        return { ...reply, body: JSON.stringify({ status: 'accepted', url: request.url }) };
      if (kind === 'status-500') return { ...reply, status: 500 };
      return reply;
    })(receiver.handle) satisfies Receiver['handle'],
  });
}

function measure(): Memory {
  const collect = (globalThis as { gc?: () => void }).gc;
  collect?.();
  collect?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed + external, rss };
}

/** Empties the inbox, so that only a leak can make the memory grow. */
async function report(): Promise<Report> {
  await receiver.idle({ timeoutMs: 20_000 });
  const taskIds: string[] = [];
  for (;;) {
    const { entries } = await receiver.inbox.list({ limit: 1000 });
    if (entries.length === 0) break;
    for (const entry of entries) {
      taskIds.push(entry.taskId);
      await receiver.inbox.discard(entry);
    }
  }
  const result: Report = {
    type: 'report',
    taskIds,
    added,
    problems: problems.splice(0),
    memory: measure(),
  };
  added = 0;
  return result;
}

process.on('message', () => {
  report().then(
    (message) => process.send?.(message),
    (error: unknown) => {
      throw error;
    },
  );
});

const port = await serveAdapter(adapter, withFault(fault));
process.send?.({ type: 'listening', port });
