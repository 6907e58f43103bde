import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';

import type { DeliveryAnswer } from './delivery.ts';

/** Sends one POST and tells what came of it. Never rejects. */
export type Exchange = (url: string, body: string | Uint8Array) => Promise<DeliveryAnswer>;

const keptBytes = 4096;

// Shorter than the five seconds after which Node servers hang up, so that a connection that is
// about to be closed is not taken for another delivery, whose reset would look like a fault.
const agentOptions = { keepAlive: true, timeout: 1000 };

const readAnswer = async (response: IncomingMessage): Promise<DeliveryAnswer> => {
  const kept: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    if (length < keptBytes) kept.push(chunk.subarray(0, keptBytes - length));
    length += chunk.length;
  }
  return { status: response.statusCode ?? 0, body: Buffer.concat(kept).toString() };
};

const toFailure = (error: unknown, signal: AbortSignal): DeliveryAnswer => {
  if (signal.aborted) return { error: 'closed', message: 'the simulator was closed' };
  const { code, message } = error as NodeJS.ErrnoException;
  return { error: 'connection', message: code === undefined ? message : `${code}: ${message}` };
};

/** Ends with the request: an answer, an error, or a connection that closes without either. */
const outcome = (request: ClientRequest, signal: AbortSignal): Promise<DeliveryAnswer> =>
  new Promise((resolve) => {
    const fail = (error: unknown): void => resolve(toFailure(error, signal));
    request.on('response', (response) => void readAnswer(response).then(resolve, fail));
    request.on('error', fail);
    request.on('upgrade', (_response, socket) => {
      socket.destroy();
      fail(new Error('the connection was upgraded'));
    });
  });

const inTime = (
  request: ClientRequest,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<DeliveryAnswer> =>
  new Promise((resolve) => {
    const timer = setTimeout(() => {
      resolve({ error: 'timeout', message: `no complete answer within ${timeoutMs} ms` });
      request.destroy();
    }, timeoutMs);
    void outcome(request, signal).then((answer) => {
      clearTimeout(timer);
      resolve(answer);
    });
  });

/**
 * POSTs JSON over connections that are reused, without following redirects.
 *
 * @param timeoutMs for the whole exchange: connecting, sending, and the answer to its last byte
 * @param signal ends every exchange under way and every connection
 */
export const createExchange = (timeoutMs: number, signal: AbortSignal): Exchange => {
  const agents = { http: new HttpAgent(agentOptions), https: new HttpsAgent(agentOptions) };
  signal.addEventListener('abort', () => {
    agents.http.destroy();
    agents.https.destroy();
  });

  const open = (url: string, options: RequestOptions): ClientRequest =>
    url.startsWith('https:')
      ? httpsRequest(url, { ...options, agent: agents.https })
      : httpRequest(url, { ...options, agent: agents.http });

  const exchange = (url: string, body: string | Uint8Array): Promise<DeliveryAnswer> => {
    const length = Buffer.byteLength(body);
    const headers = { 'content-type': 'application/json', 'content-length': length };
    const request = open(url, { method: 'POST', headers, signal });
    const answer = inTime(request, timeoutMs, signal);
    request.end(body);
    return answer;
  };

  // Node throws at once at some addresses that a URL may have; that is a failed connection too.
  return async (url, body) => {
    try {
      return await exchange(url, body);
    } catch (error) {
      return toFailure(error, signal);
    }
  };
};
