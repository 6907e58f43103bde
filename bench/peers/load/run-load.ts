import type { Buffer } from 'node:buffer';
import { setImmediate } from 'node:timers/promises';

import type { LoadReply, LoadRequest } from '../protocol.ts';
import { openConnection, type Connection } from './connection.ts';

/**
 * Sends each request once. In the open loop, requests begin at random times (a Poisson process), and
 * a latency counts from the planned begin. So a server that stands still delays the figures of all
 * requests that were due meanwhile: no coordinated omission.
 */
export async function runLoad(
  load: LoadRequest,
  requests: readonly Buffer[],
): Promise<Omit<LoadReply, 'utilization'>> {
  const connections = await openConnections(load);
  const free = [...connections];
  let onFree: () => void = () => undefined;
  const latencies: number[] = [];
  let failed = 0;
  const begin = performance.now();
  let dueAt = begin;

  async function send(connection: Connection, request: Buffer, startedAt: number): Promise<void> {
    const status = await connection.send(request);
    latencies.push(performance.now() - startedAt);
    if (status < 200 || status > 299) failed += 1;
    free.push(connection);
    onFree();
  }

  const sent: Promise<void>[] = [];
  for (const request of requests) {
    if (load.perSecond !== undefined) {
      dueAt += (-Math.log(1 - Math.random()) * 1000) / load.perSecond;
      while (performance.now() < dueAt) await setImmediate(); // timers are too coarse
    }
    if (free.length === 0) await new Promise<void>((resolve) => (onFree = resolve));
    const startedAt = load.perSecond === undefined ? performance.now() : dueAt;
    const connection = free.pop();
    if (connection !== undefined) sent.push(send(connection, request, startedAt));
  }
  await Promise.all(sent);
  const seconds = (performance.now() - begin) / 1000;
  for (const connection of connections) connection.end();
  return { seconds, failed, ...percentiles(latencies) };
}

function openConnections({ url, connections }: LoadRequest): Promise<Connection[]> {
  return Promise.all(Array.from({ length: connections }, () => openConnection(new URL(url))));
}

function percentiles(latencies: readonly number[]): Pick<LoadReply, 'p50' | 'p99' | 'max'> {
  const sorted = Float64Array.from(latencies).sort();
  const percentile = (share: number) => sorted[Math.ceil(share * sorted.length) - 1] ?? NaN;
  return { p50: percentile(0.5), p99: percentile(0.99), max: percentile(1) };
}
