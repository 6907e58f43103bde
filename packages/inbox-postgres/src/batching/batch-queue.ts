import { WebhookError } from '@novita-webhooks/core';

import { NO_ANSWER, troubled } from '../errors.ts';

export interface Job<Item, Result> {
  readonly item: Item;
  readonly key: string;
  readonly size: number;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/** What waits for its turn: neither for ever, nor more than memory should hold. */
export interface Backlog<Item, Result> {
  /** @throws WebhookError `inbox_full` */
  push(job: Job<Item, Result>): void;
  isEmpty(): boolean;
  /** A group to be done together, no two of it with the same key. */
  take(): Job<Item, Result>[];
  refuseAll(error: unknown): void;
}

/** More would make one statement too slow. */
const LARGEST_GROUP = 200;
const LARGEST_TOTAL = 4 * 1024 * 1024;

const LARGEST_BACKLOG = 64 * 1024 * 1024;

export function createBacklog<Item, Result>(patienceMs: number): Backlog<Item, Result> {
  const waiting = new Map<Job<Item, Result>, ReturnType<typeof setTimeout>>();
  let total = 0;

  function remove(job: Job<Item, Result>): void {
    clearTimeout(waiting.get(job));
    if (waiting.delete(job)) total -= job.size;
  }

  function refuse(job: Job<Item, Result>, error: unknown): void {
    remove(job);
    job.reject(error);
  }

  return {
    push(job) {
      if (total + job.size > LARGEST_BACKLOG) throw full();
      const late = () => refuse(job, troubled(NO_ANSWER, `no turn within ${patienceMs} ms`));
      waiting.set(job, setTimeout(late, patienceMs));
      total += job.size;
    },
    isEmpty: () => waiting.size === 0,
    take() {
      const group = new Map<string, Job<Item, Result>>();
      let size = 0;
      for (const job of waiting.keys()) {
        if (group.size === LARGEST_GROUP) break;
        if (group.size > 0 && (group.has(job.key) || size + job.size > LARGEST_TOTAL)) continue;
        group.set(job.key, job);
        size += job.size;
        remove(job);
      }
      return [...group.values()];
    },
    refuseAll(error) {
      for (const job of waiting.keys()) refuse(job, error);
    },
  };
}

function full(): WebhookError {
  const message =
    'PostgreSQL: more waits to be written than memory should hold. Is the server slow?';
  return new WebhookError('inbox_full', message);
}
