import { request, type Agent } from 'node:http';

export interface Sent {
  readonly status: number;
  readonly ms: number;
}

export interface ToSend {
  readonly port: number;
  readonly agent: Agent;
  readonly method: string;
  readonly url: string;
  readonly body: string;
}

/** Sends one HTTP request; returns the status and the time until the answer was complete. */
export function send({ port, agent, method, url, body }: ToSend): Promise<Sent> {
  const { pathname, search } = new URL(url, 'http://localhost');
  const startedAt = performance.now();
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' };
    const path = `${pathname}${search}`;
    const sending = request({ host: '127.0.0.1', port, agent, method, path, headers });
    sending.on('error', reject);
    sending.on('response', (response) => {
      response.resume();
      response.on('error', reject);
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, ms: performance.now() - startedAt });
      });
    });
    sending.end(body);
  });
}
