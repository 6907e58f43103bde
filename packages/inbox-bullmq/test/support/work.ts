// Consumes a BullMQ inbox with one handler, and prints when it begins and ends a task. The handler
// stands still, or ends the process when its task is the culprit.
import { createReceiver } from '@novita-webhooks/core';
import { bullmqInbox } from '@novita-webhooks/inbox-bullmq';

const { connection, prefix, leaseDurationMs, standsStillMs, culprit, concurrency } = JSON.parse(
  process.env['WORK'] ?? '',
) as {
  readonly connection: string;
  readonly prefix: string;
  readonly leaseDurationMs: number;
  readonly standsStillMs: number;
  readonly culprit: string;
  readonly concurrency: number;
};
const inbox = bullmqInbox({ connection, prefix, leaseDurationMs, pollIntervalMs: 100 });
const receiver = createReceiver({
  insecure: true,
  inbox,
  handlers: { concurrency },
  retry: { maxAttempts: 3 },
});
let running = 0;
receiver.onTaskFinished(async ({ task }) => {
  running += 1;
  console.log(`begin ${task.task_id} beside ${running - 1}`);
  const until = performance.now() + standsStillMs;
  while (performance.now() < until);
  await new Promise((resolve) => setTimeout(resolve, 50));
  if (task.task_id === culprit) process.kill(process.pid, 'SIGKILL');
  await new Promise((resolve) => setTimeout(resolve, 50));
  running -= 1;
  console.log(`end ${task.task_id}`);
});
receiver.start();
console.log('started');
