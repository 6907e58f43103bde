import { Agent, request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

import { createReceiver } from '@novita-webhooks/core';
import { sampleEvents } from '@novita-webhooks/testing';
import { createSimulator, type Delivery } from '@novita-webhooks/simulator';

import { ENDPOINT, ENDPOINT_PATH } from './endpoint.ts';

/**
 * Sends events as Novita does. An event counts as acknowledged if the sender has read a 2xx reply
 * for it.
 */
export interface Sender {
  /**
   * Begins to deliver the events of new tasks, with up to five retries each. Does not wait.
   *
   * @param simulated number of further events that the simulator delivers; it is slower than plain HTTP
   * @param row the row of the results table to which the events belong
   */
  send(tasks: readonly string[], simulated: number, row: string): void;
  /** The row of the results table, by task id. */
  readonly acknowledged: ReadonlyMap<string, string>;
  /** Number of deliveries that have not ended. */
  outstanding(): number;
  /** Resolves when all deliveries and retries have ended. */
  idle(): Promise<void>;
  close(): Promise<void>;
}

/** As many retries as Novita makes, but faster: hundreds of cycles must fit into minutes. */
const RETRY_DELAYS_MS = [100, 300, 700, 1200, 2000];
const TIMEOUT_MS = 5000;
const CONNECTIONS = 32;

/** @param address origin of the endpoint */
export async function createSender(address: string, secret: string): Promise<Sender> {
  const acknowledged = new Map<string, string>();
  const rows = new Map<string, string>();
  const urls = createReceiver({ url: `${address}${ENDPOINT_PATH}`, secret, endpoint: ENDPOINT });
  const url = await urls.createCallbackUrl();
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS, timeout: 1000 });
  const deliveries = new Set<Promise<void>>();

  async function deliver(taskId: string, row: string): Promise<void> {
    const body = JSON.stringify(sampleEvents.imageSucceeded({ taskId, callbackUrl: url }));
    for (const delayMs of [0, ...RETRY_DELAYS_MS]) {
      if (delayMs > 0) await pause(delayMs);
      if (!(await post(url, body, agent))) continue;
      acknowledged.set(taskId, row);
      return;
    }
  }

  const simulator = await createSimulator({
    concurrency: CONNECTIONS,
    retry: { delayMs: (retry) => RETRY_DELAYS_MS[retry - 1] ?? 0 },
    // The plan knows the row before the delivery; the submit call may return after it.
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
    deliveries.add(work);
    void work.finally(() => deliveries.delete(work));
  }

  async function simulate(row: string): Promise<void> {
    await simulator.submit('txt2img', { row, extra: { webhook: { url } } });
  }

  return {
    acknowledged,
    outstanding: () => deliveries.size,
    send(tasks, simulated, row) {
      for (const taskId of tasks) track(deliver(taskId, row));
      for (let left = simulated; left > 0; left -= 1) track(simulate(row));
    },
    async idle() {
      while (deliveries.size > 0) await Promise.all(deliveries);
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

/** Makes one attempt. Resolves to whether the reply was 2xx. */
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
