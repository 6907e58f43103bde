import type { NewEntry } from '@novita-webhooks/core';

import type { Connection } from './connection.ts';
import { toData } from './job.ts';
import { toJobId } from './names.ts';
import type { Queue, Queues } from './queues.ts';
import { admit } from './scripts.ts';
import { troubleOf } from './troubles.ts';

type Answer = 'added' | 'duplicate';

interface Waiting {
  readonly id: string;
  readonly job: ReturnType<typeof toJob>;
  readonly fits: boolean;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/** While Redis works on a transaction, the next is made; larger ones would wait for each other. */
const MOST_AT_ONCE = 20;
/** By the length of their data: the answer must not be long in coming, however slow the link is. */
const LONGEST_AT_ONCE = 1024 * 1024;

/**
 * Adds entries. Those that come at the same time share a transaction: our script, which tells
 * which jobs are there already, and BullMQ's, which adds those that are not. Nothing can come
 * between the two, and a crash leaves all or nothing.
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
      const answers = await executeAgain(queue, batch);
      for (const [index, { resolve }] of batch.entries()) {
        resolve(answers[index] === 1 ? 'added' : 'duplicate');
      }
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  /**
   * A script that was flushed is found missing when others of the transaction have run, and the
   * connection is made anew to load it. What has given way must not be missing because of that.
   */
  async function executeAgain(
    queue: Queue,
    batch: readonly Waiting[],
  ): Promise<readonly unknown[]> {
    const add = () => connection.run(() => execute(queues, queue, batch));
    try {
      return await add();
    } catch (error) {
      if (troubleOf((error as Error).cause) !== 'scripts') throw error;
      await connection.renewed();
      return add();
    }
  }

  return (entry) =>
    new Promise((resolve, reject) => {
      const id = toJobId(entry.taskId);
      // Made here, so that one that cannot be made is refused alone.
      const job = toJob(entry, id, connection.now());
      if (batches.size === 0) setImmediate(flush);
      const waiting = batches.get(entry.endpoint) ?? [];
      batches.set(entry.endpoint, waiting);
      waiting.push({ id, job, fits: entry.drift === null, resolve, reject });
    });
}

/** In their order, and no two of the same task together: the second has to see the first. */
function toBatches(all: readonly Waiting[]): Waiting[][] {
  const batches: Waiting[][] = [];
  let batch: Waiting[] = [];
  let ids = new Set<string>();
  let length = 0;
  for (const one of all) {
    const isFull = batch.length === MOST_AT_ONCE || length + one.job.data.length > LONGEST_AT_ONCE;
    if (batch.length === 0 || isFull || ids.has(one.id)) {
      batch = [];
      batches.push(batch);
      ids = new Set();
      length = 0;
    }
    batch.push(one);
    ids.add(one.id);
    length += one.job.data.length;
  }
  return batches;
}

async function execute(
  queues: Queues,
  queue: Queue,
  batch: readonly Waiting[],
): Promise<readonly unknown[]> {
  const transaction = (await queues.client).multi();
  transaction.runCommand(admit.name, admitArgs(queues, queue, batch));
  for (const { job, id } of batch) {
    // Queued before it returns; what comes of it is in the answer to the transaction.
    void queue.bullmq.addJobToTransaction(transaction, job, id);
  }
  const [answers] = failOnError(await transaction.exec());
  return answers as readonly unknown[];
}

const SETS = ['completed', 'failed', 'delayed', 'prioritized', 'active', 'wait', 'stalled'];

function admitArgs(
  { counter, endpoints }: Queues,
  queue: Queue,
  batch: readonly Waiting[],
): (string | number)[] {
  const ids = batch.map(({ id }) => id);
  const sets = [...SETS.map((set) => queue.key(set)), queue.arrivals, counter, endpoints];
  const keys = [...sets, ...ids.map((id) => queue.key(id))];
  const fits = batch.map(({ fits }) => (fits ? '1' : '0'));
  return [keys.length, ...keys, queue.endpoint, ...ids, ...fits];
}

/** Where the script sees it without having to understand the data, which may be any text. */
const DRIFTED: object = { drifted: true };

function toJob(entry: NewEntry, id: string, now: number) {
  return {
    id,
    name: entry.status === '' ? 'event' : entry.status,
    data: toData(entry),
    opts: entry.drift === null ? {} : DRIFTED,
    timestamp: now,
    progress: 0,
    attemptsMade: 0,
    attemptsStarted: 0,
    stalledCounter: 0,
    failedReason: '',
    returnvalue: '',
  };
}

/** A command may fail although the transaction went through. */
function failOnError(replies: readonly [Error | null, unknown][] | null): unknown[] {
  if (replies === null) throw new Error('the transaction was not executed');
  return replies.map(([error, reply]) => {
    if (error) throw error;
    return reply;
  });
}
