import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';
import { setTimeout } from 'node:timers/promises';

import { toEvent, type EventTemplate } from '../event-template.ts';
import type { LoadResult } from './closed-loop.ts';
import { createLatencies } from './latencies.ts';
import type { OpenLoop } from './protocol.ts';

/**
 * Begins requests at random times (a Poisson process), as independent tasks do. A latency counts from
 * the planned begin of a request, so that delays of the load process are included.
 */
export async function runOpenLoop(load: OpenLoop, template: EventTemplate): Promise<LoadResult> {
  const { url, perSecond, seconds } = load;
  const agent = new Agent({ keepAlive: true, maxSockets: 200 });
  const ids: string[] = [];
  const latencies = createLatencies();
  let failed = 0;

  async function deliver(dueAt: number): Promise<void> {
    const taskId = randomUUID();
    const status = await post(url, agent, toEvent(template, taskId)).catch(() => 0);
    latencies.record(performance.now() - dueAt);
    if (status === 200) ids.push(taskId);
    else failed += 1;
  }

  const requests: Promise<void>[] = [];
  const begin = performance.now();
  let dueAt = begin;
  while (dueAt < begin + seconds * 1000) {
    dueAt += (-Math.log(1 - Math.random()) * 1000) / perSecond;
    const waitMs = dueAt - performance.now();
    if (waitMs > 0) await setTimeout(waitMs);
    requests.push(deliver(dueAt));
  }
  await Promise.all(requests);
  agent.destroy();
  return {
    ids,
    acknowledged: ids.length,
    failed,
    seconds: (performance.now() - begin) / 1000,
    p50: latencies.percentile(50),
    p99: latencies.percentile(99),
    max: latencies.percentile(100),
  };
}

function post(url: string, agent: Agent, body: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    };
    const sent = request(url, { method: 'POST', agent, headers }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
