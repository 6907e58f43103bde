// A user's program. `npm run check:consumer` compiles it against the packed packages with several
// TypeScript settings, and runs it as an ES module and as CommonJS.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

import { createReceiver, type ReceiverOptions } from '@novita-webhooks/core';
import { handleNodeRequest } from '@novita-webhooks/core/node';
import { sampleEvents, TEST_SECRET } from '@novita-webhooks/testing';
import { novitaWebhooks } from '@novita-webhooks/express';
import { createSimulator } from '@novita-webhooks/simulator';
import express from 'express';

type Same<A, B> = 0 extends 1 & A ? false : [A, B] extends [B, A] ? true : false;

/** Compiles only if TypeScript infers the type of `expires_at` in an inline handler. */
function assertExpiry<T>(expiry: T, isExact: Same<T, Date | null | undefined>) {
  assert.ok(isExact && expiry instanceof Date);
}

const inline: ReceiverOptions = {
  secret: TEST_SECRET,
  onTaskSucceeded: ({ images }) => assertExpiry(images[0]?.expires_at, true),
};

async function serve(handledTask: (taskId: string) => void) {
  const app = express();
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks/novita`;
  const receiver = createReceiver({ ...inline, url });
  receiver.onTaskSucceeded(({ images, task }, context) => {
    assertExpiry(images[0]?.expires_at, true);
    assert.deepEqual(context.metadata, { orderId: 42 });
    handledTask(task.task_id);
  });
  app.post('/webhooks/novita', novitaWebhooks(receiver));
  const close = async () => {
    await receiver.close();
    server.close();
    server.closeAllConnections();
  };
  return { url, receiver, close };
}

async function post(url: string, body: unknown) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return response.status;
}

async function main() {
  const handled: string[] = [];
  const changed = new EventTarget();
  const { url, receiver, close } = await serve((taskId) => {
    handled.push(taskId);
    changed.dispatchEvent(new Event('handled'));
  });
  const simulator = await createSimulator();
  const next = () => once(changed, 'handled', { signal: AbortSignal.timeout(5000) });
  try {
    assert.equal(typeof handleNodeRequest, 'function');
    assert.equal(await post(url, sampleEvents.imageSucceeded()), 401, 'unsigned');
    const webhook = await receiver.createCallback({ metadata: { orderId: 42 } });

    const first = next();
    assert.equal(await post(webhook.url, sampleEvents.imageSucceeded()), 200, 'signed');
    await first;

    const second = next();
    const { task_id } = await simulator.submit('txt2img', { extra: { webhook } });
    await second;
    assert.equal(handled.length, 2);
    assert.equal(handled[1], task_id);
  } finally {
    await simulator.close();
    await close();
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
