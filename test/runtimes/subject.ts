import { createReceiver } from '@novita-webhooks/core';
import assert from 'node:assert/strict';

// The HTTP client of the adapter contract. It is internal to the testing package.
import {
  post,
  type HttpBody,
  type HttpReply,
} from '../../packages/testing/src/contracts/adapter/support/http-client.ts';
import { SECRET, type Handled, type FixtureName } from './fixtures.ts';

/** A server in another process, with a receiver for each fixture. */
export interface RuntimeSubject {
  readonly origin: string;
  /** The reply waits for the handlers. This is the default of `toFetchHandler`. */
  readonly waitsForHandlers: boolean;
  /** The runtime has a `waitUntil`. */
  readonly waitUntil: boolean;
  /** After an early reply the server keeps reading for a moment, so the client can read the reply. */
  readonly lingers: boolean;
}

const HANDLED_TIMEOUT_MS = 30_000;
const issuer = createReceiver({ url: 'https://example.com/webhooks/novita', secret: SECRET });

export const endpoint = ({ origin }: RuntimeSubject, fixture: FixtureName): string =>
  `${origin}/${fixture}/webhooks`;

/** A callback URL that is signed in this process and verified in the server. */
export async function callbackUrl(
  subject: RuntimeSubject,
  fixture: FixtureName,
  metadata: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const { search } = new URL(await issuer.createCallbackUrl({ metadata }));
  return endpoint(subject, fixture) + search;
}

export async function deliver(
  subject: RuntimeSubject,
  fixture: FixtureName,
  event: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<HttpReply> {
  const types = { 'content-type': 'application/json' };
  return post(await callbackUrl(subject, fixture), JSON.stringify(event), { ...types, ...headers });
}

export async function postTo(
  subject: RuntimeSubject,
  fixture: FixtureName,
  body: HttpBody,
  headers: Readonly<Record<string, string>> = {},
): Promise<HttpReply> {
  return post(await callbackUrl(subject, fixture), body, headers);
}

export function assertReply(reply: HttpReply, status: number, code: string): void {
  const payload = JSON.parse(reply.body) as { status: unknown; code?: unknown };
  assert.deepEqual([reply.status, payload.code ?? payload.status], [status, code]);
  assert.equal(Number(reply.headers['content-length']), Buffer.byteLength(reply.body));
  const type = reply.headers['content-type'] ?? '';
  assert.match(type, status < 400 ? /^application\/json/ : /^application\/problem\+json/);
}

/** Sends a command to the server; see `control.ts`. */
export async function sendCommand(
  { origin }: RuntimeSubject,
  fixture: FixtureName,
  command: 'handled' | 'aborted' | 'callback' | 'replies' | 'close',
): Promise<unknown> {
  return (await fetch(`${origin}/${fixture}/${command}`)).json();
}

/** Waits until a task is handled. Resolves to what its handler received. */
export async function untilHandled(
  subject: RuntimeSubject,
  fixture: FixtureName,
  taskId: string,
): Promise<Handled> {
  const deadline = Date.now() + HANDLED_TIMEOUT_MS;
  for (;;) {
    const all = (await sendCommand(subject, fixture, 'handled')) as readonly Handled[];
    const [first, ...more] = all.filter((one) => one.taskId === taskId);
    assert.deepEqual(more, [], 'handled once');
    if (first !== undefined) return first;
    if (Date.now() > deadline)
      throw new assert.AssertionError({
        message: `${taskId} was not handled within ${HANDLED_TIMEOUT_MS} ms`,
      });
    await pause(10);
  }
}

export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));

let count = 0;
/** All cases share a server, so each case uses its own tasks. */
export const newTaskId = (name = 'task'): string => `${name}-${(count += 1)}`;
