import { Agent, request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

import { createReceiver } from '@novita-webhooks/core';
import { sampleEvents } from '@novita-webhooks/testing';
import { createSimulator, type Delivery } from '@novita-webhooks/simulator';

import { NAME, PATH } from './endpoint.ts';

/**
 * The sending side. It alone decides what counts as acknowledged: tasks for whose event it has read
 * a 2xx.
 */
export interface Novita {
  /**
   * Delivers the events of new tasks, with up to five repeats. Does not wait.
   *
   * @param simulated how many of them the simulator delivers; it is slower than plain HTTP
   */
  send(tasks: readonly string[], simulated: number, row: string): void;
  /** By task id: the row to which it belongs. */
  readonly acknowledged: ReadonlyMap<string, string>;
  /** Tasks whose delivery is not over. */
  outstanding(): number;
  /** Resolves when no delivery and no repeat is outstanding. */
  idle(): Promise<void>;
  close(): Promise<void>;
}

/** Novita's number of repeats, at a pace that lets hundreds of outages fit into minutes. */
const REPEATS_MS = [100, 300, 700, 1200, 2000];
const TIMEOUT_MS = 5000;
const CONNECTIONS = 32;

/** @param address where the endpoint is to be reached */
export async function createNovita(address: string, secret: string): Promise<Novita> {
  const acknowledged = new Map<string, string>();
  const rows = new Map<string, string>();
  const urls = createReceiver({ url: `${address}${PATH}`, secret, endpoint: NAME });
  const url = await urls.createCallbackUrl();
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS, timeout: 1000 });
  const underWay = new Set<Promise<void>>();

  async function deliver(taskId: string, row: string): Promise<void> {
    const body = JSON.stringify(sampleEvents.imageSucceeded({ taskId, callbackUrl: url }));
    for (const delayMs of [0, ...REPEATS_MS]) {
      if (delayMs > 0) await pause(delayMs);
      if (!(await post(url, body, agent))) continue;
      acknowledged.set(taskId, row);
      return;
    }
  }

  const simulator = await createSimulator({
    concurrency: CONNECTIONS,
    retry: { delayMs: (retry) => REPEATS_MS[retry - 1] ?? 0 },
    // Here, since an event may go out before its submit was answered.
    plan({ taskId, body }) {
      rows.set(taskId, String(body['row']));
      return undefined;
    },
    onDelivery(delivery) {
      if (isAcknowledged(delivery)) {
        acknowledged.set(delivery.taskId, rows.get(delivery.taskId) ?? '');
      }
    },
  });

  function track(work: Promise<void>): void {
    underWay.add(work);
    void work.finally(() => underWay.delete(work));
  }

  async function simulate(row: string): Promise<void> {
    await simulator.submit('txt2img', { row, extra: { webhook: { url } } });
  }

  return {
    acknowledged,
    outstanding: () => underWay.size,
    send(tasks, simulated, row) {
      for (const taskId of tasks) track(deliver(taskId, row));
      for (let left = simulated; left > 0; left -= 1) track(simulate(row));
    },
    async idle() {
      while (underWay.size > 0) await Promise.all(underWay);
      await simulator.idle();
    },
    async close() {
      agent.destroy();
      await simulator.close();
      await urls.close();
    },
  };
}

function isAcknowledged({ answer }: Delivery): boolean {
  return 'status' in answer && answer.status >= 200 && answer.status < 300;
}

/** One delivery. Resolves to whether a 2xx came back. */
function post(url: string, body: string, agent: Agent): Promise<boolean> {
  return new Promise((resolve) => {
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    };
    const sent = request(url, { method: 'POST', headers, agent, timeout: TIMEOUT_MS });
    sent.on('response', (response) => {
      const { statusCode = 0 } = response;
      resolve(statusCode >= 200 && statusCode < 300);
      response.on('error', () => undefined);
      response.resume();
    });
    sent.on('timeout', () => sent.destroy());
    sent.on('error', () => resolve(false));
    sent.end(body);
  });
}
