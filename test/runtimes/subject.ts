import { createReceiver } from '@novita-webhooks/core';
import assert from 'node:assert/strict';

// The client that the adapter contract uses. It has no entry: it is no help to anybody else.
import {
  post,
  type HttpBody,
  type HttpReply,
} from '../../packages/testing/src/contracts/adapter/support/http-client.ts';
import { SECRET, type Handled, type SceneName } from './scenes.ts';

/** A server in another process, with a receiver for every scene. */
export interface RuntimeSubject {
  readonly origin: string;
  /** The answer waits for the handlers, as it is the default of `toFetchHandler`. */
  readonly waitsForHandlers: boolean;
  /** The runtime has a `waitUntil`. */
  readonly waitUntil: boolean;
  /** After an early answer it still listens for a moment, so that the answer is seen. */
  readonly lingers: boolean;
}

const issuer = createReceiver({ url: 'https://example.com/webhooks/novita', secret: SECRET });

export const endpoint = ({ origin }: RuntimeSubject, scene: SceneName): string =>
  `${origin}/${scene}/webhooks`;

/** A fresh callback URL, signed here and verified there. */
export async function callbackUrl(
  subject: RuntimeSubject,
  scene: SceneName,
  metadata: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const { search } = new URL(await issuer.createCallbackUrl({ metadata }));
  return endpoint(subject, scene) + search;
}

export async function deliver(
  subject: RuntimeSubject,
  scene: SceneName,
  event: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<HttpReply> {
  const types = { 'content-type': 'application/json' };
  return post(await callbackUrl(subject, scene), JSON.stringify(event), { ...types, ...headers });
}

export async function postTo(
  subject: RuntimeSubject,
  scene: SceneName,
  body: HttpBody,
  headers: Readonly<Record<string, string>> = {},
): Promise<HttpReply> {
  return post(await callbackUrl(subject, scene), body, headers);
}

export function assertReply(reply: HttpReply, status: number, code: string): void {
  const said = JSON.parse(reply.body) as { status: unknown; code?: unknown };
  assert.deepEqual([reply.status, said.code ?? said.status], [status, code]);
  assert.equal(Number(reply.headers['content-length']), Buffer.byteLength(reply.body));
  const type = reply.headers['content-type'] ?? '';
  assert.match(type, status < 400 ? /^application\/json/ : /^application\/problem\+json/);
}

/** Asks the server's own control. */
export async function ask(
  { origin }: RuntimeSubject,
  scene: SceneName,
  what: 'handled' | 'callback' | 'replies' | 'close',
): Promise<unknown> {
  return (await fetch(`${origin}/${scene}/${what}`)).json();
}

/** What the handlers saw of a task, once they have seen it. */
export async function untilHandled(
  subject: RuntimeSubject,
  scene: SceneName,
  taskId: string,
): Promise<Handled> {
  const deadline = Date.now() + 3000;
  for (;;) {
    const all = (await ask(subject, scene, 'handled')) as readonly Handled[];
    const [first, ...more] = all.filter((one) => one.taskId === taskId);
    assert.deepEqual(more, [], 'handled once');
    if (first !== undefined) return first;
    if (Date.now() > deadline) throw new assert.AssertionError({ message: `${taskId} unhandled` });
    await pause(10);
  }
}

export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));

let count = 0;
/** All cases share their server: every one takes tasks of its own. */
export const newTaskId = (name = 'task'): string => `${name}-${(count += 1)}`;
