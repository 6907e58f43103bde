import assert from 'node:assert/strict';

import { memoryInbox } from '@novita-webhooks/core';
import type { ReceiverOptions } from '@novita-webhooks/core';
import { createReceiver, type Receiver } from '@novita-webhooks/core';
import type { ContractCase } from '../contract-case.ts';
import { TEST_SECRET } from '../../samples/signed-delivery.ts';
import { post } from './support/http-client.ts';
import type { HttpReply } from './support/http-message.ts';

/**
 * What is mounted before the adapter. `json`, `raw` and `text` are the framework's usual parsers,
 * for every content type; `json-by-type` is the JSON parser with its defaults; `rawBody` keeps the
 * bytes as `rawBody` and nothing else; `tap` listens to the body and does not wait for it; `drain` reads
 * the body and keeps nothing.
 */
export type Before = 'json' | 'json-by-type' | 'raw' | 'text' | 'rawBody' | 'tap' | 'drain';

/** A server with the adapter mounted. */
export interface AdapterServer {
  /** `http://127.0.0.1:port/path`, where the adapter is. */
  readonly url: string;
  /** How often what is mounted after the adapter was reached, or the framework's error handling. */
  passedOn(): number;
  close(): Promise<void>;
}

/** An adapter under test: how to mount it in its framework, on a real socket. */
export interface AdapterSubject {
  /** What of `Before` there is for this framework. */
  readonly parsers: readonly Before[];
  /** Its `json` parser decodes what came with a `Content-Encoding`. */
  readonly inflates?: boolean;
  /** It is mounted for POST only; other methods are the app's affair. */
  readonly postOnly?: boolean;
  /** What becomes of a delivery to the path with a slash more: the default, `'taken'`, or 404. */
  readonly trailingSlash?: 'taken' | 'left';
  /** `false`: connections are the server's affair, and the adapter cannot end one. */
  readonly closesConnections?: boolean;
  /** The servers speak HTTP/2 without TLS, and their URLs begin with `h2c:`. */
  readonly http2?: boolean;
  serve(receiver: Receiver, before: Before | undefined): Promise<AdapterServer>;
  /**
   * The app with its usual parsers and another route, at `url`, that answers with what its handler
   * received; with the adapter mounted, or without it for comparison. Left out where a server has
   * no routes.
   */
  serveNeighbour?(receiver: Receiver | undefined): Promise<Omit<AdapterServer, 'passedOn'>>;
}

export type AdapterCase = ContractCase<AdapterSubject>;

/** A receiver behind the adapter, and what its handlers saw. */
export interface Scene {
  readonly receiver: Receiver;
  readonly server: AdapterServer;
  /** Task ids, in the order in which they were handled. */
  readonly handled: string[];
  /** Posts an event to a fresh callback URL of the receiver. */
  deliver(event: unknown, headers?: Record<string, string>): Promise<HttpReply>;
  /** The path and query of a fresh callback URL, on the server. */
  callbackUrl(): Promise<string>;
}

/** Sets the scene, plays it, and takes it down again whatever happened. */
export async function play(
  subject: AdapterSubject,
  { before, ...options }: Omit<ReceiverOptions, 'secret'> & { readonly before?: Before },
  act: (scene: Scene) => Promise<void>,
): Promise<void> {
  const handled: string[] = [];
  const receiver = createReceiver({
    url: 'https://example.com/webhooks/novita',
    secret: TEST_SECRET,
    inbox: memoryInbox(),
    onTaskFinished: ({ task }) => void handled.push(task.task_id),
    ...options,
  });
  const server = await subject.serve(receiver, before);
  const callbackUrl = async () => server.url + new URL(await receiver.createCallbackUrl()).search;
  const deliver = async (event: unknown, headers: Record<string, string> = {}) =>
    post(await callbackUrl(), JSON.stringify(event), {
      'content-type': 'application/json',
      ...headers,
    });
  try {
    await act({ receiver, server, handled, deliver, callbackUrl });
  } finally {
    await server.close();
    await receiver.close({ gracePeriodMs: 100 });
  }
}

/** Skips a case for frameworks without such a parser. */
export function needs(before: Before): (subject: AdapterSubject) => string | undefined {
  return ({ parsers }) => (parsers.includes(before) ? undefined : `there is no ${before} here`);
}

/** Skips a case about connections on which one request follows another. */
export function needsHttp1({ http2 }: AdapterSubject): string | undefined {
  return http2 === true ? 'HTTP/2 has streams instead' : undefined;
}

/** Where the adapter can end a connection, it has to: what follows on it is not a request. */
export function assertCloses({ closesConnections }: AdapterSubject, reply: HttpReply): void {
  if (closesConnections !== false) assert.equal(reply.headers.connection, 'close');
}

export function assertReply(reply: HttpReply, status: number, code: string): void {
  const said = JSON.parse(reply.body) as { status: unknown; code?: unknown };
  assert.deepEqual([reply.status, said.code ?? said.status], [status, code]);
  assert.equal(Number(reply.headers['content-length']), Buffer.byteLength(reply.body));
  const type = reply.headers['content-type'] ?? '';
  assert.match(type, status < 400 ? /^application\/json/ : /^application\/problem\+json/);
}

/** Waits until the handlers have seen as many tasks. */
export async function untilHandled(scene: Scene, count: number): Promise<void> {
  const deadline = Date.now() + 3000;
  while (scene.handled.length < count && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  assert.equal(scene.handled.length, count, 'tasks handled');
}
