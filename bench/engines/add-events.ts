import type { NewEntry } from '@novita-webhooks/core';
import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';

import { createLatencies } from '../lib/load/latencies.ts';
import { check } from '../lib/check.ts';
import { toEvent, type EventTemplate } from '../lib/event-template.ts';
import type { Opened } from '../lib/engines/engine.ts';
import type { AddQuestion, Added, EngineAnswer, TrickleQuestion } from './protocol.ts';

export type NewEvent = () => NewEntry;

/** Real events of 1.3 KB with random task ids. The payload, as receivers keep it. */
export function eventMaker(template: EventTemplate): NewEvent {
  const hole = 'a-task-id';
  const { payload } = JSON.parse(toEvent(template, hole)) as { payload: unknown };
  const parts = JSON.stringify(payload).split(hole);
  return () => {
    const taskId = randomUUID();
    return {
      endpoint: 'novita',
      taskId,
      status: 'TASK_STATUS_SUCCEED',
      body: parts.join(taskId),
      schemaError: null,
      metadata: { orderId: 42, tenant: 'acme' },
      testMode: false,
      receivedAt: Date.now(),
    };
  };
}

type Add = () => Promise<void>;

function adder({ inbox, plain }: Opened, how: 'inbox' | 'plain', newEvent: NewEvent): Add {
  if (how === 'inbox') {
    return async () => {
      check((await inbox.add(newEvent())) === 'added', 'a new event was called a duplicate');
    };
  }
  return async () => {
    await plain?.add(newEvent());
  };
}

/** So many callers, each with its next event when it has the answer to the last one. */
export async function addFor(
  question: AddQuestion,
  opened: Opened,
  newEvent: NewEvent,
): Promise<Added> {
  const add = adder(opened, question.how, newEvent);
  const began = performance.now();
  const until = began + question.seconds * 1000;
  return addBy(question.callers, add, () => performance.now() < until);
}

const FILLERS = 50;

export async function fill(entries: number, opened: Opened, newEvent: NewEvent): Promise<Added> {
  let left = entries;
  return addBy(FILLERS, adder(opened, 'inbox', newEvent), () => (left -= 1) >= 0);
}

async function addBy(callers: number, add: Add, goesOn: () => boolean): Promise<Added> {
  const latencies = createLatencies();
  let count = 0;
  async function call(): Promise<void> {
    while (goesOn()) {
      const calledAt = performance.now();
      await add();
      latencies.record(performance.now() - calledAt);
      count += 1;
    }
  }
  const began = performance.now();
  await Promise.all(Array.from({ length: callers }, call));
  const seconds = (performance.now() - began) / 1000;
  return { count, seconds, p50: latencies.percentile(50), p99: latencies.percentile(99) };
}

/** By the clock that all processes of a machine share, in milliseconds. */
export const sharedNow = (): number => Number(process.hrtime.bigint()) / 1e6;

export async function trickle(
  { events, leastMs, mostMs }: TrickleQuestion,
  { inbox }: Opened,
  newEvent: NewEvent,
): Promise<EngineAnswer['calls']> {
  const calls: EngineAnswer['calls'][number][] = [];
  for (let event = 0; event < events; event += 1) {
    await setTimeout(leastMs + Math.random() * (mostMs - leastMs));
    const entry = newEvent();
    const at = sharedNow();
    await inbox.add(entry);
    calls.push({ taskId: entry.taskId, at, answeredAt: sharedNow() });
  }
  return calls;
}
