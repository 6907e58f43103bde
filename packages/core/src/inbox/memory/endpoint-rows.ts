import { isBoundToken } from '../../shared/token-id.ts';
import type { EntryKey, NewEntry } from '../ports.ts';
import { createDueQueue, type DueQueue } from './due-queue.ts';
import type { Row } from './row.ts';

/** The rows of a table by endpoint: by task, by token and by due time. */
export interface EndpointRows {
  find(key: EntryKey): Row | undefined;
  /** Whether another entry of the endpoint has the token of this one, and it is for one task. */
  hasOtherTask(entry: Pick<NewEntry, 'endpoint' | 'taskId' | 'tokenId'>): boolean;
  put(row: Row): void;
  remove(row: Row): void;
  /** Unfinished rows: pending ones by due time, running ones by lease expiry. */
  queue(endpoint: string): DueQueue<Row>;
  queues(): Iterable<DueQueue<Row>>;
}

export function createEndpointRows(): EndpointRows {
  const endpoints = new Map<string, ReturnType<typeof createIndexes>>();

  function of(endpoint: string): ReturnType<typeof createIndexes> {
    let found = endpoints.get(endpoint);
    if (found === undefined) {
      found = createIndexes();
      endpoints.set(endpoint, found);
    }
    return found;
  }

  return {
    find: ({ endpoint, taskId }) => endpoints.get(endpoint)?.byTask.get(taskId),
    hasOtherTask({ endpoint, taskId, tokenId }) {
      if (!isBoundToken(tokenId)) return false;
      const holder = endpoints.get(endpoint)?.byToken.get(tokenId);
      return holder !== undefined && holder.entry.taskId !== taskId;
    },
    put(row) {
      const { endpoint, taskId, tokenId } = row.entry;
      const { byTask, byToken } = of(endpoint);
      byTask.set(taskId, row);
      if (isBoundToken(tokenId)) byToken.set(tokenId, row);
    },
    remove(row) {
      const { endpoint, taskId, tokenId } = row.entry;
      const { byTask, byToken, queue } = of(endpoint);
      byTask.delete(taskId);
      if (tokenId !== null) byToken.delete(tokenId);
      queue.remove(row);
    },
    queue: (endpoint) => of(endpoint).queue,
    *queues() {
      for (const { queue } of endpoints.values()) yield queue;
    },
  };
}

/** `byToken` has only tokens for one task. */
function createIndexes() {
  const queue: DueQueue<Row> = createDueQueue();
  return { byTask: new Map<string, Row>(), byToken: new Map<string, Row>(), queue };
}
