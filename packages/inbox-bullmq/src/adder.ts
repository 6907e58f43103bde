import type { NewEntry } from '@novita-webhooks/core';

import { toAddCall } from './bullmq.ts';
import type { Connection } from './connection.ts';
import { toData } from './job.ts';
import { toJobId } from './names.ts';
import type { Queue, Queues } from './queues.ts';
import { ADD_JOBS } from './scripts.ts';
import { explain } from './troubles.ts';

type Answer = 'added' | 'duplicate';

interface Waiting {
  readonly job: ReturnType<typeof toJob>;
  readonly fits: boolean;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/** While Redis works on a batch, the next is made; larger ones would wait for each other. */
const MOST_AT_ONCE = 12;
/** By the length of their data: the answer must not be long in coming, however slow the link is. */
const LONGEST_AT_ONCE = 1024 * 1024;

/**
 * Adds entries. Those that come at the same time share a call of a script, in which BullMQ's own adds
 * those that are not there yet. Nothing can come between looking and adding, and one that cannot be
 * added is refused alone.
 */
export function createAdder(
  connection: Connection,
  queues: Queues,
): (entry: NewEntry) => Promise<Answer> {
  const batches = new Map<string, Waiting[]>();

  function flush(): void {
    const endpoints = [...batches];
    batches.clear();
    for (const [endpoint, all] of endpoints) {
      for (const batch of toBatches(all)) void addAll(queues.of(endpoint), batch);
    }
  }

  async function addAll(queue: Queue, batch: readonly Waiting[]): Promise<void> {
    try {
      const answers = await connection.run(() => execute(queues, queue, batch));
      for (const [index, { resolve, reject }] of batch.entries()) {
        const answer = answers[index];
        if (typeof answer === 'number') resolve(answer === 1 ? 'added' : 'duplicate');
        else reject(explain(new Error(String(answer))));
      }
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  return (entry) =>
    new Promise((resolve, reject) => {
      // Made here, so that one that cannot be made is refused alone.
      const job = toJob(entry, connection.now());
      if (batches.size === 0) setImmediate(flush);
      const waiting = batches.get(entry.endpoint) ?? [];
      batches.set(entry.endpoint, waiting);
      waiting.push({ job, fits: entry.schemaError === null, resolve, reject });
    });
}

/** In their order: of two of the same task the second sees the first. */
function toBatches(all: readonly Waiting[]): Waiting[][] {
  const batches: Waiting[][] = [];
  let batch: Waiting[] = [];
  let length = 0;
  for (const one of all) {
    const isFull = batch.length === MOST_AT_ONCE || length + one.job.data.length > LONGEST_AT_ONCE;
    if (batch.length === 0 || isFull) {
      batch = [];
      batches.push(batch);
      length = 0;
    }
    batch.push(one);
    length += one.job.data.length;
  }
  return batches;
}

/** Of each, in their order: 1 if it was added, 0 if it was there, or what is wrong. */
async function execute(
  { client, counter, endpoints }: Queues,
  queue: Queue,
  batch: readonly Waiting[],
): Promise<readonly unknown[]> {
  const calls = batch.map(({ job }) => toAddCall(queue.bullmq, job));
  const theirs = calls[0]?.keys ?? [];
  const keys = [
    ...SETS.map((set) => queue.key(set)),
    queue.arrivals,
    counter,
    endpoints,
    ...theirs,
    ...batch.map(({ job }) => queue.key(job.id)),
  ];
  const args = batch.flatMap(({ job, fits }, index) => [
    job.id,
    fits ? '1' : '0',
    ...(calls[index]?.args ?? []),
  ]);
  const call = [keys.length, ...keys, queue.endpoint, theirs.length, ...args];
  return (await (await client).runCommand(ADD_JOBS, call)) as readonly unknown[];
}

const SETS = ['completed', 'failed', 'delayed', 'prioritized', 'active', 'wait', 'stalled'];

/** Where the script sees it without having to understand the data, which may be any text. */
const DRIFTED: object = { drifted: true };

function toJob(entry: NewEntry, now: number) {
  return {
    id: toJobId(entry.taskId),
    name: entry.status === '' ? 'event' : entry.status,
    data: toData(entry),
    opts: entry.schemaError === null ? {} : DRIFTED,
    timestamp: now,
    progress: 0,
    attemptsMade: 0,
    attemptsStarted: 0,
    stalledCounter: 0,
    failedReason: '',
    returnvalue: '',
  };
}
