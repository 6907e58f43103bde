import autocannon from 'autocannon';
import { randomUUID } from 'node:crypto';

import { toEvent, type EventTemplate } from '../event-template.ts';
import { createLatencies } from './latencies.ts';
import type { ClosedLoop, LoadReply } from './protocol.ts';

/** The figures of one load, without those of the load process. */
export interface LoadResult extends Omit<LoadReply, 'utilization'> {
  /** Acknowledged task ids. */
  readonly ids: readonly string[];
}

/** autocannon closes a connection after this time without a reply and counts a failure. */
const TIMEOUT_SECONDS = 10;

export async function runClosedLoop(
  load: ClosedLoop,
  template: EventTemplate,
): Promise<LoadResult> {
  const ids: string[] = [];
  const latencies = createLatencies();

  /** Sends a new event with each request. */
  function setupClient(client: autocannon.Client): void {
    let taskId = randomUUID();
    const next = () => client.setBody(toEvent(template, (taskId = randomUUID())));
    next();
    client.on('response', (status: number, _bytes: number, ms: number) => {
      latencies.record(ms);
      if (status === 200) ids.push(taskId);
      next();
    });
  }

  const { duration, non2xx, errors, timeouts } = await autocannon({
    url: load.url,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    connections: load.connections,
    duration: load.seconds,
    timeout: TIMEOUT_SECONDS,
    setupClient,
  });
  return {
    ids,
    acknowledged: ids.length,
    failed: non2xx + errors + timeouts,
    seconds: duration,
    p50: latencies.percentile(50),
    p99: latencies.percentile(99),
    max: latencies.percentile(100),
  };
}
