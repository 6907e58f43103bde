import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

import { createSimulator, type Simulator, type SimulatorOptions } from '../../src/index.ts';

/** Starts a simulator that retries after 1 ms, and closes it after the test. */
export const startSimulator = async (options: SimulatorOptions = {}): Promise<Simulator> => {
  const simulator = await createSimulator({ retry: { delayMs: () => 1 }, ...options });
  onTestFinished(() => simulator.close());
  return simulator;
};

interface Received {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
  at: number;
}

export interface Receiver {
  url: string;
  received: Received[];
}

/** Writes the response. `count` is 1 for the first request. */
export type Answer = (response: ServerResponse, count: number) => void;

export const answerWith =
  (...statuses: number[]): Answer =>
  (response, count) => {
    response.statusCode = statuses[Math.min(count, statuses.length) - 1] ?? 200;
    response.end(`answer ${count}`);
  };

/** Starts an HTTP server that records its requests, and closes it after the test. */
export const startReceiver = async (answer: Answer = answerWith(200)): Promise<Receiver> => {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      received.push({
        method: request.method ?? '',
        path: request.url ?? '',
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
        at: performance.now(),
      });
      answer(response, received.length);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  );
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/hook?token=abc`, received };
};

/** Creates a submit body with a callback URL. */
export const webhook = (url: string, more: object = {}): object => ({
  extra: { webhook: { url, ...more } },
});

export const post = (url: string, body: string | Uint8Array, headers = {}): Promise<Response> =>
  fetch(url, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } });

export const readJson = async (response: Response): Promise<Record<string, unknown>> =>
  (await response.json()) as Record<string, unknown>;
