import { sampleEvents, type ContractCase } from '@novita-webhooks/testing';
import assert from 'node:assert/strict';
import { Agent } from 'node:http';

import { post, send } from '../../packages/testing/src/contracts/adapter/support/http-client.ts';
import {
  assertReply,
  callbackUrl,
  deliver,
  newTaskId,
  pause,
  postTo,
  sendCommand,
  untilHandled,
  type RuntimeSubject,
} from './subject.ts';

const event = sampleEvents.imageSucceeded;

const onlyIfItWaits = ({ waitsForHandlers }: RuntimeSubject) =>
  waitsForHandlers ? undefined : 'this entry replies before its handlers end';

/** Delivers an event for each task at the same time, and waits until all are handled. */
async function deliverAll(subject: RuntimeSubject, taskIds: readonly string[]): Promise<void> {
  const replies = await Promise.all(
    taskIds.map((taskId) => deliver(subject, 'plain', event({ taskId }))),
  );
  for (const reply of replies) assertReply(reply, 200, 'accepted');
  for (const taskId of taskIds) await untilHandled(subject, 'plain', taskId);
}

/** Deliveries that every runtime must accept. */
export const acceptCases: readonly ContractCase<RuntimeSubject>[] = [
  {
    name: 'a delivery is accepted and handled; its copy is answered as a duplicate',
    async run(subject) {
      const taskId = newTaskId();
      assertReply(await deliver(subject, 'plain', event({ taskId })), 200, 'accepted');
      const { expiresAt } = await untilHandled(subject, 'plain', taskId);
      assert.equal(expiresAt, '2026-03-01T11:15:00.000Z');
      assertReply(await deliver(subject, 'plain', event({ taskId })), 200, 'duplicate');
      await untilHandled(subject, 'plain', taskId);
    },
  },
  {
    name: 'metadata is read from a URL with further query parameters',
    async run(subject) {
      const taskId = newTaskId();
      const signed = new URL(await callbackUrl(subject, 'plain', { order: 'ü 42' }));
      const url = `${signed.origin}${signed.pathname}?first=1&${signed.search.slice(1)}&last=%20`;
      assertReply(await post(url, JSON.stringify(event({ taskId }))), 200, 'accepted');
      const { metadata } = await untilHandled(subject, 'plain', taskId);
      assert.deepEqual(metadata, { order: 'ü 42' });
    },
  },
  {
    name: 'a callback URL signed in the runtime is accepted',
    async run(subject) {
      const taskId = newTaskId();
      const { search } = new URL((await sendCommand(subject, 'plain', 'callback')) as string);
      const url = `${subject.origin}/plain/webhooks${search}`;
      assertReply(await post(url, JSON.stringify(event({ taskId }))), 200, 'accepted');
      const { metadata } = await untilHandled(subject, 'plain', taskId);
      assert.deepEqual(metadata, { from: 'the runtime' });
    },
  },
  {
    name: 'a JSON body without a content type is accepted',
    async run(subject) {
      const taskId = newTaskId();
      const reply = await postTo(subject, 'plain', JSON.stringify(event({ taskId })));
      assertReply(reply, 200, 'accepted');
      await untilHandled(subject, 'plain', taskId);
    },
  },
  {
    name: 'a chunked body that splits a character is decoded correctly',
    async run(subject) {
      const taskId = newTaskId();
      const { payload, event_type } = sampleEvents.failed({ taskId });
      const task = { ...(payload['task'] as object), reason: 'Größe 任务' };
      const bytes = Buffer.from(JSON.stringify({ event_type, payload: { ...payload, task } }));
      async function* chunks() {
        for (let at = 0; at < bytes.length; at += 7) yield bytes.subarray(at, at + 7);
      }
      assertReply(await postTo(subject, 'plain', chunks()), 200, 'accepted');
      assert.equal((await untilHandled(subject, 'plain', taskId)).reason, 'Größe 任务');
    },
  },
  {
    name: 'a large body within the limit is accepted',
    async run(subject) {
      const body = JSON.stringify(event({ taskId: newTaskId() })).padEnd(1024 * 1024);
      assertReply(await postTo(subject, 'plain', body), 200, 'accepted');
    },
  },
  {
    name: 'Expect: 100-continue is answered before the event is accepted',
    async run(subject) {
      const headers = { expect: '100-continue' };
      const reply = await deliver(subject, 'plain', event({ taskId: newTaskId() }), headers);
      assertReply(reply, 200, 'accepted');
    },
  },
  {
    name: 'one connection is reused for 200 deliveries',
    async run(subject) {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      const ports = new Set<number | undefined>();
      agent.on('free', (socket: { localPort?: number }) => ports.add(socket.localPort));
      for (let index = 0; index < 200; index += 1) {
        const body = JSON.stringify(event({ taskId: newTaskId() }));
        const url = await callbackUrl(subject, 'plain');
        assertReply(await send(url, { method: 'POST', body, agent }), 200, 'accepted');
      }
      agent.destroy();
      assert.equal(ports.size, 1);
    },
  },
  {
    name: '100 concurrent deliveries are accepted and handled once each',
    async run(subject) {
      const taskIds = Array.from({ length: 100 }, () => newTaskId('takes-20'));
      await deliverAll(subject, taskIds);
    },
  },
  {
    name: 'fast and slow handlers at the same time are all handled',
    async run(subject) {
      const taskIds = [300, 1, 150, 1, 600, 1, 300, 1].map((ms) => newTaskId(`takes-${ms}`));
      await deliverAll(subject, taskIds);
    },
  },
  {
    name: '50 concurrent copies get a 2xx, and the handler runs once',
    async run(subject) {
      const taskId = newTaskId('takes-20');
      const copies = Array.from({ length: 50 }, () => deliver(subject, 'plain', event({ taskId })));
      for (const { status } of await Promise.all(copies)) assert.equal(status, 200);
      await untilHandled(subject, 'plain', taskId);
    },
  },
  {
    name: 'the reply waits for the handler',
    skip: onlyIfItWaits,
    async run(subject) {
      const startedAt = Date.now();
      const taskId = newTaskId('takes-300');
      assertReply(await deliver(subject, 'plain', event({ taskId })), 200, 'accepted');
      assert.ok(Date.now() - startedAt >= 290);
    },
  },
  {
    name: 'a failed handler: 503, then 200 for the next delivery',
    skip: onlyIfItWaits,
    async run(subject) {
      const taskId = newTaskId('fails-once');
      const failed = await deliver(subject, 'plain', event({ taskId }));
      assertReply(failed, 503, 'not_handled');
      assert.equal(failed.headers['retry-after'], '5');
      assertReply(await deliver(subject, 'plain', event({ taskId })), 200, 'accepted');
      await untilHandled(subject, 'plain', taskId);
    },
  },
  {
    name: 'a handler slower than the reply timeout: 503, and it ends in waitUntil',
    skip: ({ waitUntil }) => (waitUntil ? undefined : 'this runtime has no waitUntil'),
    async run(subject) {
      const taskId = newTaskId('takes-400');
      assertReply(
        await deliver(subject, 'shortReplyTimeout', event({ taskId })),
        503,
        'not_handled',
      );
      await untilHandled(subject, 'shortReplyTimeout', taskId);
      await pause(20);
      assertReply(await deliver(subject, 'shortReplyTimeout', event({ taskId })), 200, 'duplicate');
    },
  },
  {
    name: 'handlers that never end are aborted and free their places',
    skip: onlyIfItWaits,
    async run(subject) {
      const slow = [newTaskId('hangs-once'), newTaskId('hangs-once')];
      const send = (taskId: string) => deliver(subject, 'twoPlaces', event({ taskId }));
      for (const reply of await Promise.all(slow.map(send))) assertReply(reply, 503, 'not_handled');
      assertReply(await send(newTaskId()), 200, 'accepted');
      const aborted = (await sendCommand(subject, 'twoPlaces', 'aborted')) as readonly string[];
      for (const taskId of slow) assert.ok(aborted.includes(taskId));
      await pause(1200); // time for aborted handlers to end
      for (const taskId of slow) assertReply(await send(taskId), 200, 'accepted');
    },
  },
  {
    name: 'handlers whose client disconnected free their places',
    skip: onlyIfItWaits,
    async run(subject) {
      const slow = [newTaskId('hangs-once'), newTaskId('hangs-once')];
      await Promise.all(
        slow.map(async (taskId) => {
          const body = JSON.stringify(event({ taskId }));
          const signal = AbortSignal.timeout(80);
          const url = await callbackUrl(subject, 'twoPlaces');
          await assert.rejects(fetch(url, { method: 'POST', body, signal }));
        }),
      );
      await pause(1400); // the time limit of the reply, and time for aborted handlers to end
      assertReply(
        await deliver(subject, 'twoPlaces', event({ taskId: newTaskId() })),
        200,
        'accepted',
      );
      await pause(1200);
      for (const taskId of slow) {
        assertReply(await deliver(subject, 'twoPlaces', event({ taskId })), 200, 'accepted');
      }
    },
  },
  {
    name: 'ack: accepted replies before the handler ends',
    async run(subject) {
      const startedAt = Date.now();
      const taskId = newTaskId('takes-3000');
      assertReply(await deliver(subject, 'ackAccepted', event({ taskId })), 200, 'accepted');
      assert.ok(Date.now() - startedAt < 3000);
      await untilHandled(subject, 'ackAccepted', taskId);
    },
  },
  {
    name: 'an event of another type: 200, ignored',
    async run(subject) {
      assertReply(await deliver(subject, 'plain', sampleEvents.other()), 200, 'ignored');
    },
  },
];
