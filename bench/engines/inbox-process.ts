// Adds or handles events on any engine. It runs in a child process and replies to its parent.
import { createReceiver, type Receiver, type ReceiverOptions } from '@novita-webhooks/core';
import { setImmediate } from 'node:timers/promises';

import { replyToParent } from '../lib/child.ts';
import type { EventTemplate } from '../lib/event-template.ts';
import { addFor, createEventFactory, fill, sharedNow, trickle } from './add-events.ts';
import type { Opened } from '../lib/engines/engine.ts';
import { engines } from '../lib/engines/index.ts';
import type { Added, InboxReply, InboxRequest, Moment, OpenRequest } from './protocol.ts';

interface Running extends Opened {
  readonly receiver: Receiver;
}

const NOTHING: Added = { count: 0, seconds: 0, p50: NaN, p99: NaN };
const newEvent = createEventFactory(JSON.parse(process.env['BENCH_EVENT'] ?? '') as EventTemplate);
let starts: Moment[] = [];
let handled = 0;
let running: Running | undefined;

async function open(request: OpenRequest): Promise<Running> {
  const { engine, location, role, concurrency } = request;
  const opened = await engines[engine].open(location);
  const options: ReceiverOptions = {
    inbox: opened.inbox,
    handlers: { concurrency },
    logger: { debug: ignore, info: ignore, warn: ignore, error: console.error },
  };
  const isWeb = role !== 'worker';
  const receiver = createReceiver({
    ...options,
    ...(isWeb && { insecure: true as const, consume: role === 'both' }),
  });
  receiver.onTaskSucceeded(async ({ task }) => {
    starts.push({ taskId: task.task_id, at: sharedNow() });
    handled += 1;
    await setImmediate();
  });
  await opened.inbox.stats(); // connects and creates the tables
  return { ...opened, receiver };
}

function ignore(): void {
  // Only errors matter here.
}

async function respond(request: InboxRequest): Promise<InboxReply> {
  if (request.type === 'open') running = await open(request);
  if (running === undefined) throw new Error('inbox-process: the first request must be `open`');
  const fields = await execute(request, running);
  const { user, system } = process.cpuUsage();
  return {
    added: NOTHING,
    calls: [],
    starts: [],
    unfinished: NaN,
    plain: NaN,
    ...fields,
    handled,
    cpuMs: (user + system) / 1000,
  };
}

async function execute(request: InboxRequest, current: Running): Promise<Partial<InboxReply>> {
  switch (request.type) {
    case 'open':
    case 'read':
      return {};
    case 'add':
      return { added: await addFor(request, current, newEvent) };
    case 'fill':
      return { added: await fill(request.entries, current, newEvent) };
    case 'trickle':
      return { calls: await trickle(request, current, newEvent) };
    case 'start':
      current.receiver.start();
      return {};
    case 'starts': {
      const since = starts;
      starts = [];
      return { starts: since };
    }
    case 'count':
      return {
        unfinished: await countUnfinished(current),
        plain: (await current.plain?.count()) ?? 0,
      };
    case 'close':
      await current.receiver.close();
      await current.close();
      return {};
  }
}

async function countUnfinished({ inbox }: Opened): Promise<number> {
  const { pending, running: leased, dead } = await inbox.stats();
  return pending + leased + dead;
}

replyToParent(respond);
