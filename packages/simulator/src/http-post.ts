import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';

import type { DeliveryAnswer } from './delivery.ts';
import { defaultTransmission, type Transmission } from './transmission.ts';
import { writeBody } from './write-body.ts';

/** Sends one POST and resolves to its answer or failure. Never rejects. */
export type HttpPost = (
  url: string,
  body: string | Uint8Array,
  transmission: Transmission,
) => Promise<DeliveryAnswer>;

const MAX_RECORDED_BODY_BYTES = 4096;

// Idle connections close after 1 second, before the 5 seconds after which Node servers close them.
// If the server closed first, a POST on that connection would fail without a fault of the endpoint.
const agentOptions = { keepAlive: true, timeout: 1000 };

const readAnswer = async (response: IncomingMessage): Promise<DeliveryAnswer> => {
  const kept: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    if (length < MAX_RECORDED_BODY_BYTES) {
      kept.push(chunk.subarray(0, MAX_RECORDED_BODY_BYTES - length));
    }
    length += chunk.length;
  }
  return { status: response.statusCode ?? 0, body: Buffer.concat(kept).toString() };
};

const toFailure = (error: unknown, signal: AbortSignal): DeliveryAnswer => {
  if (signal.aborted) return { error: 'closed', message: 'the simulator was closed' };
  const { code, message } = error as NodeJS.ErrnoException;
  // If every address of a name refuses, Node's error has a code, and no message.
  return { error: 'connection', message: [code, message].filter(Boolean).join(': ') };
};

const waitForAnswer = (request: ClientRequest, signal: AbortSignal): Promise<DeliveryAnswer> =>
  new Promise((resolve) => {
    const fail = (error: unknown): void => resolve(toFailure(error, signal));
    request.on('response', (response) => void readAnswer(response).then(resolve, fail));
    request.on('error', fail);
    request.on('upgrade', (_response, socket) => {
      socket.destroy();
      fail(new Error('the endpoint upgraded the connection'));
    });
  });

const withTimeout = (
  request: ClientRequest,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<DeliveryAnswer> =>
  new Promise((resolve) => {
    const timer = setTimeout(() => {
      resolve({ error: 'timeout', message: `no complete answer within ${timeoutMs} ms` });
      request.destroy();
    }, timeoutMs);
    void waitForAnswer(request, signal).then((answer) => {
      clearTimeout(timer);
      resolve(answer);
    });
  });

/**
 * Creates a function that POSTs JSON, reuses connections and does not follow redirects.
 *
 * @param timeoutMs limits one POST, from connecting to the last byte of the answer
 * @param signal aborts all running POSTs and closes all connections
 */
export const createHttpPost = (timeoutMs: number, signal: AbortSignal): HttpPost => {
  const agents = { http: new HttpAgent(agentOptions), https: new HttpsAgent(agentOptions) };
  signal.addEventListener('abort', () => {
    agents.http.destroy();
    agents.https.destroy();
  });

  const open = (url: string, options: RequestOptions): ClientRequest =>
    url.startsWith('https:')
      ? httpsRequest(url, { ...options, agent: agents.https })
      : httpRequest(url, { ...options, agent: agents.http });

  const post: HttpPost = (url, body, transmission) => {
    const { contentType } = transmission;
    const headers = {
      ...(contentType === '' ? {} : { 'content-type': contentType }),
      'content-length': Buffer.byteLength(body),
    };
    const request = open(url, { method: 'POST', headers, signal });
    const answer = withTimeout(request, timeoutMs, signal);
    if (transmission === defaultTransmission) request.end(body);
    // The answer tells of a failure: the request fails, too.
    else void writeBody(request, body, transmission, signal).catch(() => undefined);
    return answer;
  };

  // Node's request() throws synchronously for some valid URLs. That counts as a failed connection.
  return async (url, body, transmission) => {
    try {
      return await post(url, body, transmission);
    } catch (error) {
      return toFailure(error, signal);
    }
  };
};
