import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';

import { messageOf } from '@novita-webhooks/simulator/cli';

/** An answer of the endpoint. */
export interface Answer {
  readonly status: number;
  readonly location: string | undefined;
  /** `status` of a reply of a receiver, or `code` of an error of it; `undefined` for another application. */
  readonly code: string | undefined;
  readonly durationMs: number;
}

/** Why there is no answer. */
export interface NoAnswer {
  readonly failure: string;
  readonly isTimeout: boolean;
  readonly durationMs: number;
}

/** What is sent. */
export interface Delivery {
  /** Default `POST`. */
  readonly method?: 'GET' | 'POST';
  readonly body?: string;
  /** Announced length of a body that is not sent. */
  readonly announcedBytes?: number;
  /** Default: what Novita waits. */
  readonly timeoutMs?: number;
}

/** Milliseconds that Novita waits for an answer: https://novita.ai/docs/api-reference/model-apis-webhook */
export const NOVITA_WAITS_MS = 5000;

const MAX_BODY_BYTES = 4096;

/** Whether there is no answer. */
export const isNoAnswer = (answer: Answer | NoAnswer): answer is NoAnswer => 'failure' in answer;

/** Another application may answer with anything. */
const IS_CODE = /^\w{1,50}$/;

const readCode = (text: string): string | undefined => {
  try {
    const { code, status } = Object(JSON.parse(text)) as Record<string, unknown>;
    return [code, status].find((it): it is string => typeof it === 'string' && IS_CODE.test(it));
  } catch {
    return undefined;
  }
};

const readText = async (response: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
};

const toHeaders = ({ body, announcedBytes }: Delivery): Record<string, string | number> => {
  const length = announcedBytes ?? (body === undefined ? undefined : Buffer.byteLength(body));
  if (length === undefined) return {};
  return { 'content-type': 'application/json', 'content-length': length };
};

/** Milliseconds in which a server closes a connection whose request it has refused. */
const CLOSE_TIMEOUT_MS = 2000;

/** Resolves when the server has closed the connection, or does not. */
const closedByServer = async ({ socket }: ClientRequest): Promise<void> => {
  if (socket === null || socket.destroyed) return;
  await once(socket, 'close', { signal: AbortSignal.timeout(CLOSE_TIMEOUT_MS) }).catch(
    () => undefined, // it is closed from here
  );
};

const exchange = (
  url: string,
  delivery: Delivery,
  signal: AbortSignal,
): Promise<Omit<Answer, 'durationMs'>> =>
  new Promise((resolve, reject) => {
    const { method = 'POST', body, announcedBytes } = delivery;
    const options: RequestOptions = { method, headers: toHeaders(delivery), agent: false, signal };
    const request = url.startsWith('https:')
      ? httpsRequest(url, { ...options, rejectUnauthorized: false }) // `certificate` has checked it
      : httpRequest(url, options);
    const read = async (response: IncomingMessage): Promise<void> => {
      // The client closes once it has read the answer, and a server logs that in the middle of a request.
      if (announcedBytes !== undefined) await closedByServer(request);
      const code = readCode(await readText(response));
      const { statusCode: status = 0, headers } = response;
      resolve({ status, location: headers.location, code });
      request.destroy();
    };
    request.on('response', (response) => void read(response).catch(reject));
    request.on('error', reject);
    if (announcedBytes === undefined) request.end(body);
    else request.flushHeaders();
  });

/** Sends one request on a connection of its own, and follows no redirect. Never rejects. */
export const send = async (url: string, delivery: Delivery): Promise<Answer | NoAnswer> => {
  const signal = AbortSignal.timeout(delivery.timeoutMs ?? NOVITA_WAITS_MS);
  const startedAt = performance.now();
  const elapsed = (): number => Math.round(performance.now() - startedAt);
  try {
    const answer = await exchange(url, delivery, signal);
    return { ...answer, durationMs: elapsed() };
  } catch (thrown) {
    const isTimeout = signal.aborted;
    const failure = isTimeout ? 'no complete answer in time' : describe(thrown);
    return { failure, isTimeout, durationMs: elapsed() };
  }
};

/** If every address of a name refuses, the error of Node has a code, and no message. */
const describe = (thrown: unknown): string => {
  const { code } = thrown as NodeJS.ErrnoException;
  const message = messageOf(thrown);
  return code === undefined || message.includes(code) ? message : `${code}: ${message}`;
};
