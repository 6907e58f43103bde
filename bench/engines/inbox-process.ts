// A process that takes events or handles them, on any engine. Does what its parent asks.
import { createReceiver, type Receiver, type ReceiverOptions } from '@novita-webhooks/core';
import { setImmediate } from 'node:timers/promises';

import { answerParent } from '../lib/child.ts';
import type { EventTemplate } from '../lib/event-template.ts';
import { addFor, eventMaker, fill, sharedNow, trickle } from './add-events.ts';
import type { Opened } from '../lib/engines/engine.ts';
import { engines } from '../lib/engines/index.ts';
import type { Added, EngineAnswer, EngineQuestion, Moment, OpenQuestion } from './protocol.ts';

interface Running extends Opened {
  readonly receiver: Receiver;
}

const NOTHING: Added = { count: 0, seconds: 0, p50: NaN, p99: NaN };
const newEvent = eventMaker(JSON.parse(process.env['BENCH_EVENT'] ?? '') as EventTemplate);
let starts: Moment[] = [];
let handled = 0;
let running: Running | undefined;

async function open(question: OpenQuestion): Promise<Running> {
  const { engine, location, role, concurrency } = question;
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
  await opened.inbox.stats(); // connected, with the tables there
  return { ...opened, receiver };
}

function ignore(): void {
  // How the engine is configured is printed once, by the parent.
}

async function answer(question: EngineQuestion): Promise<EngineAnswer> {
  if (question.type === 'open') running = await open(question);
  if (running === undefined) throw new Error('nothing is open');
  const asked = await act(question, running);
  const { user, system } = process.cpuUsage();
  return {
    added: NOTHING,
    calls: [],
    starts: [],
    open: NaN,
    plain: NaN,
    ...asked,
    handled,
    cpuMs: (user + system) / 1000,
  };
}

async function act(question: EngineQuestion, current: Running): Promise<Partial<EngineAnswer>> {
  switch (question.type) {
    case 'open':
    case 'read':
      return {};
    case 'add':
      return { added: await addFor(question, current, newEvent) };
    case 'fill':
      return { added: await fill(question.entries, current, newEvent) };
    case 'trickle':
      return { calls: await trickle(question, current, newEvent) };
    case 'work':
      current.receiver.start();
      return {};
    case 'starts': {
      const taken = starts;
      starts = [];
      return { starts: taken };
    }
    case 'count':
      return { open: await countOpen(current), plain: (await current.plain?.count()) ?? 0 };
    case 'close':
      await current.receiver.close();
      await current.close();
      return {};
  }
}

async function countOpen({ inbox }: Opened): Promise<number> {
  const { pending, running: leased, dead } = await inbox.stats();
  return pending + leased + dead;
}

answerParent(answer);
