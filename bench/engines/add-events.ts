import type { NewEntry } from '@novita-webhooks/core';
import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';

import { createLatencies } from '../lib/load/latencies.ts';
import { check } from '../lib/check.ts';
import { toEvent, type EventTemplate } from '../lib/event-template.ts';
import type { Opened } from '../lib/engines/engine.ts';
import type { Added, AddRequest, InboxReply, TrickleRequest } from './protocol.ts';

export type NewEvent = () => NewEntry;

/** Returns a factory of real events of 1.3 KB with random task ids, as a receiver stores them. */
export function createEventFactory(template: EventTemplate): NewEvent {
  const placeholder = 'a-task-id';
  const { payload } = JSON.parse(toEvent(template, placeholder)) as { payload: unknown };
  const parts = JSON.stringify(payload).split(placeholder);
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
      ...{ taskType: 'TXT_TO_IMG', source: 'delivery', traceparent: null, tokenId: null },
    };
  };
}

type Add = () => Promise<void>;

function toAdd({ inbox, plain }: Opened, client: AddRequest['client'], newEvent: NewEvent): Add {
  if (client === 'inbox') {
    return async () => {
      check(
        (await inbox.add(newEvent())) === 'added',
        'the inbox reported a new event as a duplicate',
      );
    };
  }
  return async () => {
    await plain?.add(newEvent());
  };
}

/** Runs a closed loop: each caller adds its next event after the result of the last one. */
export async function addFor(
  request: AddRequest,
  opened: Opened,
  newEvent: NewEvent,
): Promise<Added> {
  const add = toAdd(opened, request.client, newEvent);
  const began = performance.now();
  const until = began + request.seconds * 1000;
  return addBy(request.callers, add, () => performance.now() < until);
}

const FILL_CALLERS = 50;

export async function fill(entries: number, opened: Opened, newEvent: NewEvent): Promise<Added> {
  let left = entries;
  return addBy(FILL_CALLERS, toAdd(opened, 'inbox', newEvent), () => (left -= 1) >= 0);
}

async function addBy(callers: number, add: Add, hasNext: () => boolean): Promise<Added> {
  const latencies = createLatencies();
  let count = 0;
  async function call(): Promise<void> {
    while (hasNext()) {
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

/** The monotonic clock that all processes of a machine share, in milliseconds. */
export const sharedNow = (): number => Number(process.hrtime.bigint()) / 1e6;

/** Adds one event at a time, with random gaps. */
export async function trickle(
  { events, minGapMs, maxGapMs }: TrickleRequest,
  { inbox }: Opened,
  newEvent: NewEvent,
): Promise<InboxReply['calls']> {
  const calls: InboxReply['calls'][number][] = [];
  for (let event = 0; event < events; event += 1) {
    await setTimeout(minGapMs + Math.random() * (maxGapMs - minGapMs));
    const entry = newEvent();
    const at = sharedNow();
    await inbox.add(entry);
    calls.push({ taskId: entry.taskId, at, resolvedAt: sharedNow() });
  }
  return calls;
}
