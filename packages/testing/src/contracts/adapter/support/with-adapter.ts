import assert from 'node:assert/strict';

import {
  createReceiver,
  memoryInbox,
  type Receiver,
  type ReceiverOptions,
} from '@novita-webhooks/core';

import { TEST_SECRET } from '../../../samples/signed-delivery.ts';
import type { AdapterServer, AdapterSubject, PriorMiddleware } from '../adapter-subject.ts';
import { post } from './http-client.ts';
import type { HttpReply } from './http-message.ts';

/** A receiver behind the adapter, on a listening server. */
export interface AdapterFixture {
  readonly receiver: Receiver;
  readonly server: AdapterServer;
  /** Task ids in the order in which the handler received them. */
  readonly handled: string[];
  /** Posts an event to a new callback URL of the receiver. */
  deliver(event: unknown, headers?: Record<string, string>): Promise<HttpReply>;
  /** Creates a callback URL of the receiver, with the server's origin and path. */
  callbackUrl(): Promise<string>;
}

/** Mounts the adapter, runs the test, and closes server and receiver, also if the test fails. */
export async function withAdapter(
  subject: AdapterSubject,
  { before, ...options }: Omit<ReceiverOptions, 'secret'> & { readonly before?: PriorMiddleware },
  test: (fixture: AdapterFixture) => Promise<void>,
): Promise<void> {
  const handled: string[] = [];
  const receiver = createReceiver({
    url: 'https://example.com/webhooks/novita',
    secret: TEST_SECRET,
    inbox: memoryInbox(),
    logger: false,
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
    await test({ receiver, server, handled, deliver, callbackUrl });
  } finally {
    await server.close();
    await receiver.close({ gracePeriodMs: 100 });
  }
}

/** Waits up to 3 s until exactly `count` tasks were handled. */
export async function untilHandled({ handled }: AdapterFixture, count: number): Promise<void> {
  const deadline = Date.now() + 3000;
  while (handled.length < count && Date.now() < deadline) await wait(2);
  assert.equal(handled.length, count, 'handled tasks');
}

export function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
