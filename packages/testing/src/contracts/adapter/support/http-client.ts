import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { createConnection } from 'node:net';

import {
  isWhole,
  REPLY_TIMEOUT_MS,
  type HttpBody,
  type HttpOptions,
  type HttpReply,
} from './http-message.ts';
import { sendHttp2 } from './http2-client.ts';

export type { HttpBody, HttpReply };

export function post(
  url: string,
  body: HttpBody,
  headers: Readonly<Record<string, string>> = {},
): Promise<HttpReply> {
  return send(url, { method: 'POST', body, headers });
}

/**
 * Sends one request. Resolves with a complete reply, also if the connection fails after it.
 *
 * @throws Error without a reply within `timeoutMs`
 */
export function send(url: string, options: HttpOptions): Promise<HttpReply> {
  if (url.startsWith('h2c:')) return sendHttp2(url, options);
  const { method = 'GET', headers = {}, body = '', timeoutMs = REPLY_TIMEOUT_MS, agent } = options;
  // Requests keep-alive, so that `connection: close` in a reply was decided by the server.
  const own = agent ?? new Agent({ keepAlive: true });
  return new Promise((resolve, reject) => {
    const outgoing = request(url, {
      method,
      headers: isWhole(body) ? { 'content-length': Buffer.byteLength(body), ...headers } : headers,
      agent: own,
    });
    const timer = setTimeout(() => {
      reject(new Error(`no answer within ${timeoutMs} ms`));
      outgoing.destroy();
    }, timeoutMs);
    outgoing.on('error', reject);
    // A kept connection may fail after the reply, when the request has no error listener.
    outgoing.on('socket', (socket) => socket.on('error', () => undefined));
    outgoing.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        clearTimeout(timer);
        const text = Buffer.concat(chunks).toString();
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text });
        if (!outgoing.writableEnded) outgoing.destroy();
        if (agent === undefined) own.destroy();
      });
    });
    if (isWhole(body)) outgoing.end(body);
    else void pump(body, outgoing);
  });
}

/**
 * Writes raw requests to one connection at once, and returns all bytes that the server sends. The
 * last request must contain `connection: close`.
 */
export async function exchange(url: string, requests: string): Promise<string> {
  const socket = createConnection(Number(new URL(url).port), '127.0.0.1');
  socket.setTimeout(REPLY_TIMEOUT_MS, () =>
    socket.destroy(new Error('the server did not close the connection in time')),
  );
  let replies = '';
  socket.on('data', (chunk: Buffer) => (replies += chunk.toString()));
  socket.write(requests);
  await once(socket, 'close');
  return replies;
}

type Outgoing = ReturnType<typeof request>;

/** Writes chunk by chunk, and stops when the request is destroyed. */
async function pump(body: AsyncIterable<string | Uint8Array>, outgoing: Outgoing): Promise<void> {
  let wake: () => void = () => undefined;
  for (const event of ['drain', 'close']) outgoing.on(event, () => wake());
  for await (const chunk of body) {
    if (outgoing.destroyed) return;
    const drained = new Promise<void>((resolve) => (wake = resolve));
    if (!outgoing.write(chunk)) await drained;
  }
  outgoing.end();
}
