import { sampleEvents, type ContractCase } from '@novita-webhooks/testing';
import assert from 'node:assert/strict';
import { Agent } from 'node:http';

import { post, send } from '../../packages/testing/src/contracts/adapter/support/http-client.ts';
import {
  ask,
  assertReply,
  callbackUrl,
  deliver,
  newTaskId,
  pause,
  postTo,
  untilHandled,
  type RuntimeSubject,
} from './subject.ts';

const event = sampleEvents.imageSucceeded;

const onlyIfItWaits = ({ waitsForHandlers }: RuntimeSubject) =>
  waitsForHandlers ? undefined : 'answers before its handlers are done';

/** What is taken in, and what becomes of it. */
export const taking: readonly ContractCase<RuntimeSubject>[] = [
  {
    name: 'a delivery is accepted, handled, and answered as a duplicate when it comes again',
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
    name: 'metadata comes back from among the other parameters of the query',
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
    name: 'a callback URL that the runtime signed itself is accepted',
    async run(subject) {
      const taskId = newTaskId();
      const { search } = new URL((await ask(subject, 'plain', 'callback')) as string);
      const url = `${subject.origin}/plain/webhooks${search}`;
      assertReply(await post(url, JSON.stringify(event({ taskId }))), 200, 'accepted');
      const { metadata } = await untilHandled(subject, 'plain', taskId);
      assert.deepEqual(metadata, { from: 'the runtime' });
    },
  },
  {
    name: 'without a content type: JSON is JSON',
    async run(subject) {
      const taskId = newTaskId();
      const reply = await postTo(subject, 'plain', JSON.stringify(event({ taskId })));
      assertReply(reply, 200, 'accepted');
      await untilHandled(subject, 'plain', taskId);
    },
  },
  {
    name: 'chunked, and cut in the middle of a character: it arrives whole',
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
    name: 'a large body within the limit: it is taken',
    async run(subject) {
      const body = JSON.stringify(event({ taskId: newTaskId() })).padEnd(1024 * 1024);
      assertReply(await postTo(subject, 'plain', body), 200, 'accepted');
    },
  },
  {
    name: 'Expect: 100-continue is answered, then the event is taken',
    async run(subject) {
      const headers = { expect: '100-continue' };
      const reply = await deliver(subject, 'plain', event({ taskId: newTaskId() }), headers);
      assertReply(reply, 200, 'accepted');
    },
  },
  {
    name: 'one connection carries two hundred deliveries, one after the other',
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
    name: 'a hundred deliveries at a time: every one is accepted, and handled once',
    async run(subject) {
      const taskIds = Array.from({ length: 100 }, () => newTaskId('takes-20'));
      const replies = await Promise.all(
        taskIds.map((taskId) => deliver(subject, 'plain', event({ taskId }))),
      );
      for (const reply of replies) assertReply(reply, 200, 'accepted');
      for (const taskId of taskIds) await untilHandled(subject, 'plain', taskId);
    },
  },
  {
    name: 'fast and slow handlers at a time: no answer cuts another short',
    async run(subject) {
      const taskIds = [300, 1, 150, 1, 600, 1, 300, 1].map((ms) => newTaskId(`takes-${ms}`));
      const replies = await Promise.all(
        taskIds.map((taskId) => deliver(subject, 'plain', event({ taskId }))),
      );
      for (const reply of replies) assertReply(reply, 200, 'accepted');
      for (const taskId of taskIds) await untilHandled(subject, 'plain', taskId);
    },
  },
  {
    name: 'concurrent copies: all are answered 2xx, the handler runs once',
    async run(subject) {
      const taskId = newTaskId('takes-20');
      const copies = Array.from({ length: 50 }, () => deliver(subject, 'plain', event({ taskId })));
      for (const { status } of await Promise.all(copies)) assert.equal(status, 200);
      await untilHandled(subject, 'plain', taskId);
    },
  },
  {
    name: 'the answer waits for the handler',
    skip: onlyIfItWaits,
    async run(subject) {
      const startedAt = Date.now();
      const taskId = newTaskId('takes-300');
      assertReply(await deliver(subject, 'plain', event({ taskId })), 200, 'accepted');
      assert.ok(Date.now() - startedAt >= 290);
    },
  },
  {
    name: 'a handler that fails: 503, and 200 when the event comes again',
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
    name: 'a handler that is slower than the answer: 503, and it ends under waitUntil',
    skip: ({ waitUntil }) => (waitUntil ? undefined : 'there is no waitUntil here'),
    async run(subject) {
      const taskId = newTaskId('takes-400');
      assertReply(await deliver(subject, 'hurried', event({ taskId })), 503, 'not_handled');
      await untilHandled(subject, 'hurried', taskId);
      await pause(20);
      assertReply(await deliver(subject, 'hurried', event({ taskId })), 200, 'duplicate');
    },
  },
  {
    name: 'ack: accepted answers at once, and the handler runs after it',
    async run(subject) {
      const startedAt = Date.now();
      const taskId = newTaskId('takes-400');
      assertReply(await deliver(subject, 'accepting', event({ taskId })), 200, 'accepted');
      assert.ok(Date.now() - startedAt < 300);
      await untilHandled(subject, 'accepting', taskId);
    },
  },
  {
    name: 'an event of another type: 200, ignored',
    async run(subject) {
      assertReply(await deliver(subject, 'plain', sampleEvents.other()), 200, 'ignored');
    },
  },
];
