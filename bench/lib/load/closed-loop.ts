import autocannon from 'autocannon';
import { randomUUID } from 'node:crypto';

import { toEvent, type EventTemplate } from '../event-template.ts';
import { createLatencies } from './latencies.ts';
import type { ClosedLoad, LoadAnswer } from './protocol.ts';

export interface Loaded extends Omit<LoadAnswer, 'utilization'> {
  /** Task ids. */
  readonly ids: readonly string[];
}

/** A connection whose answer takes longer is torn down and counted as failed, in seconds. */
const TIMEOUT = 10;

export async function loadClosed(load: ClosedLoad, template: EventTemplate): Promise<Loaded> {
  const ids: string[] = [];
  const latencies = createLatencies();

  /** A new event for each request of a connection. */
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
    timeout: TIMEOUT,
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
