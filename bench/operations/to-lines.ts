import { randomUUID } from 'node:crypto';

import { toEvent, type EventTemplate } from '../lib/event-template.ts';

export interface Fill {
  readonly entries: number;
  /** How many of them are dead letters, evenly spread. The others are done. */
  readonly dead: number;
  readonly endpoint: string;
  readonly template: EventTemplate;
}

const REASONS = ['HTTP 503 from 10.0.0.1', 'timeout after 60000 ms', 'no order 42'];

/** Entries of an inbox as lines for `inbox.import`, the oldest first. */
export function* toLines({ entries, dead, endpoint, template }: Fill): Generator<string> {
  const every = Math.max(1, Math.floor(entries / dead));
  const now = Date.now();
  for (let n = 0; n < entries; n += 1) {
    const taskId = randomUUID();
    const isDead = n % every === 0 && n / every < dead;
    const at = now - entries + n;
    yield JSON.stringify({
      ...{ endpoint, taskId, status: 'TASK_STATUS_SUCCEED', taskType: 'TXT_TO_IMG' },
      ...{ body: toEvent(template, taskId), schemaError: null, metadata: { orderId: n } },
      ...{ testMode: false, receivedAt: at, source: 'delivery', traceparent: null, tokenId: null },
      ...{ state: isDead ? 'dead' : 'done', attempts: isDead ? 8 : 1, succeededHandlers: [] },
      reason: isDead ? REASONS[(n / every) % REASONS.length] : null,
      ...{ dueAt: null, finishedAt: at, replays: 0, partialReplay: null, attemptLog: [] },
      originalBody: null,
    });
  }
}
