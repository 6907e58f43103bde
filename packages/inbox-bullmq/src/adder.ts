import type { NewEntry } from '@novita-webhooks/core';

import type { Connection } from './connection.ts';
import { toData } from './job.ts';
import { toJobId } from './names.ts';
import type { Queue, Queues, Transaction } from './queues.ts';
import { admit } from './scripts.ts';

type Answer = 'added' | 'duplicate';

interface Waiting {
  readonly entry: NewEntry;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/** Redis does nothing else while a transaction runs. */
const MOST_AT_ONCE = 100;

/**
 * Adds entries. Those that come at the same time share a transaction: our script, which tells
 * whether there is a job already, and BullMQ's, which adds the job if there is none. Nothing can come
 * between the two, and a crash leaves both or neither.
 */
export function createAdder(
  connection: Connection,
  queues: Queues,
): (entry: NewEntry) => Promise<Answer> {
  let waiting: Waiting[] = [];

  function flush(): void {
    const all = waiting;
    waiting = [];
    for (let from = 0; from < all.length; from += MOST_AT_ONCE) {
      void addAll(all.slice(from, from + MOST_AT_ONCE));
    }
  }

  async function addAll(batch: readonly Waiting[]): Promise<void> {
    try {
      const replies = await connection.run(async () => {
        const transaction = (await queues.client).multi();
        for (const { entry } of batch) enqueue(transaction, entry, queues);
        return failOnError(await transaction.exec());
      });
      for (const [index, { resolve }] of batch.entries()) {
        resolve(replies[2 * index] === 1 ? 'added' : 'duplicate');
      }
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  return (entry) =>
    new Promise((resolve, reject) => {
      if (waiting.length === 0) setImmediate(flush);
      waiting.push({ entry, resolve, reject });
    });
}

function enqueue(transaction: Transaction, entry: NewEntry, queues: Queues): void {
  const queue = queues.of(entry.endpoint);
  const id = toJobId(entry.taskId);
  transaction.runCommand(admit.name, admitArgs(queue, queues, id, entry));
  // Queued before it returns; what comes of it is in the answer to the transaction.
  void queue.bullmq.addJobToTransaction(transaction, toJob(entry, id), id);
}

function admitArgs(queue: Queue, { counter, endpoints }: Queues, id: string, entry: NewEntry) {
  const sets = ['completed', 'failed', 'delayed', 'prioritized', 'active', 'wait'];
  const keys = [id, ...sets, 'stalled'].map((suffix) => queue.key(suffix));
  const fits = entry.drift === null ? '1' : '0';
  return [...keys, queue.arrivals, counter, endpoints, id, entry.endpoint, fits];
}

function toJob(entry: NewEntry, id: string) {
  return {
    id,
    name: entry.status === '' ? 'event' : entry.status,
    data: toData(entry),
    opts: {},
    timestamp: Date.now(),
    progress: 0,
    attemptsMade: 0,
    attemptsStarted: 0,
    stalledCounter: 0,
    failedReason: '',
    returnvalue: '',
  };
}

/** A command may fail although the transaction went through. */
export function failOnError(replies: readonly [Error | null, unknown][] | null): unknown[] {
  if (replies === null) throw new Error('the transaction was not executed');
  return replies.map(([error, reply]) => {
    if (error) throw error;
    return reply;
  });
}
