// What one event costs a receiver with a memory inbox, without a server: CPU time, and bytes that are
// allocated. The second does not depend on how busy the machine is. See bench/README.md.
import { createReceiver } from '@novita-webhooks/core';
import { randomUUID } from 'node:crypto';
import { Session } from 'node:inspector/promises';

import { check } from '../lib/check.ts';
import { toEvent, type EventTemplate } from '../lib/event-template.ts';
import { printTable } from '../lib/print-table.ts';
import { readNumbers } from '../lib/read-numbers.ts';
import { median, range } from '../lib/statistics.ts';

const { rounds, events, callers } = readNumbers({ rounds: 5, events: 5000, callers: 50 });

const template = JSON.parse(process.env['BENCH_EVENT'] ?? '') as EventTemplate;
const receiver = createReceiver({
  url: 'https://example.com/webhooks/novita',
  secret: randomUUID(),
  logger: false,
});
let handled = 0;
receiver.onTaskFinished(() => void (handled += 1));
receiver.start();
const url = await receiver.createCallbackUrl();
const headers = { 'content-type': 'application/json' };

/** Delivers events with as many callers at a time. Resolves when all were handled. */
async function deliver(count: number): Promise<void> {
  const bodies = Array.from({ length: count }, () => Buffer.from(toEvent(template, randomUUID())));
  const [before, next] = [handled, bodies.values()];
  const call = async () => {
    for (const body of next) {
      const { status } = await receiver.handle({ method: 'POST', url, headers, body });
      check(status === 200, `a delivery was answered ${status}`);
    }
  };
  await Promise.all(Array.from({ length: callers }, call));
  await receiver.idle();
  check(handled - before === count, 'an event was not handled once');
}

async function measureCpu(): Promise<number> {
  const before = process.cpuUsage();
  await deliver(events);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / events;
}

interface AllocationNode {
  readonly selfSize: number;
  readonly children: readonly AllocationNode[];
}

const sizeOf = ({ selfSize, children }: AllocationNode): number =>
  children.reduce((sum, child) => sum + sizeOf(child), selfSize);

/** Bytes for each event, with what the garbage collector has freed. The events themselves count too. */
async function measureBytes(): Promise<number> {
  const session = new Session();
  session.connect();
  const freed = {
    includeObjectsCollectedByMajorGC: true,
    includeObjectsCollectedByMinorGC: true,
  };
  await session.post('HeapProfiler.startSampling', { samplingInterval: 4096, ...freed });
  await deliver(events);
  const { profile } = await session.post('HeapProfiler.stopSampling');
  session.disconnect();
  return sizeOf(profile.head) / events;
}

async function inRounds(measure: () => Promise<number>): Promise<number[]> {
  const measured: number[] = [];
  for (let round = 0; round < rounds; round += 1) measured.push(await measure());
  return measured;
}

await deliver(2 * events); // compiles, and fills the inbox
const cpu = await inRounds(measureCpu);
const kibibytes = (await inRounds(measureBytes)).map((bytes) => bytes / 1024);
const toRow = (name: string, values: number[]) => [
  name,
  Math.min(...values).toFixed(1),
  median(values).toFixed(1),
  range(values, 1),
];
console.log(`${rounds} rounds of ${events} events of ${template.bytes} bytes, ${callers} callers`);
printTable(
  'One event, memory inbox',
  ['', 'lowest', 'median', 'range'],
  [toRow('CPU µs', cpu), toRow('KiB allocated', kibibytes)],
);
await receiver.close();
