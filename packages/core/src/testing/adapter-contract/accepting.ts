import assert from 'node:assert/strict';
import { Agent } from 'node:http';

import { sampleEvents } from '../sample-events.ts';
import { post, send } from './http-client.ts';
import {
  assertReply,
  needs,
  play,
  untilHandled,
  type AdapterCase,
  type Before,
} from './subject.ts';

const event = sampleEvents.imageSucceeded;

const parsedFirst: readonly AdapterCase[] = (
  ['json', 'json-by-type', 'raw', 'text', 'rawBody'] satisfies Before[]
).map((before) => ({
  name: `after a parser (${before}): the event is handled`,
  skip: needs(before),
  run: (subject) =>
    play(subject, { before }, async (scene) => {
      assertReply(await scene.deliver(event({ taskId: 'parsed' })), 200, 'accepted');
      await untilHandled(scene, 1);
      assertReply(await scene.deliver(event({ taskId: 'parsed' })), 200, 'duplicate');
    }),
}));

/** What is taken in, and what becomes of it. */
export const accepting: readonly AdapterCase[] = [
  {
    name: 'a delivery is accepted, handled, and answered as a duplicate when it comes again',
    run: (subject) =>
      play(subject, {}, async (scene) => {
        assertReply(await scene.deliver(event({ taskId: 'one' })), 200, 'accepted');
        await untilHandled(scene, 1);
        assertReply(await scene.deliver(event({ taskId: 'one' })), 200, 'duplicate');
        assert.deepEqual(scene.handled, ['one']);
      }),
  },
  {
    name: 'metadata comes back from among the other parameters of the query',
    async run(subject) {
      const seen: unknown[] = [];
      const onTaskSettled = (_: unknown, { metadata }: { metadata: unknown }) =>
        seen.push(metadata);
      await play(subject, { onTaskSettled }, async ({ receiver, server }) => {
        const url = new URL(await receiver.callbackUrl({ metadata: { order: 'ü 42' } }));
        const query = `?first=1&${url.search.slice(1)}&last=%20`;
        assertReply(await post(server.url + query, JSON.stringify(event())), 200, 'accepted');
        await new Promise((resolve) => setTimeout(resolve, 20));
        assert.deepEqual(seen, [{ order: 'ü 42' }]);
      });
    },
  },
  ...parsedFirst,
  {
    name: 'after a parser that passed the body by (json-by-type, text/plain): it is read after all',
    skip: needs('json-by-type'),
    run: (subject) =>
      play(subject, { before: 'json-by-type' }, async (scene) => {
        const reply = await scene.deliver(event(), { 'content-type': 'text/plain' });
        assertReply(reply, 200, 'accepted');
        await untilHandled(scene, 1);
      }),
  },
  {
    name: 'beside a listener that does not wait (tap): handled, or 500 at once if it was too late',
    skip: needs('tap'),
    run: (subject) =>
      play(subject, { before: 'tap' }, async (scene) => {
        const startedAt = Date.now();
        const reply = await scene.deliver(event());
        assert.ok(Date.now() - startedAt < 1000);
        if (reply.status === 200) await untilHandled(scene, 1);
        else assertReply(reply, 500, 'body_already_read');
      }),
  },
  {
    name: 'without a content type: JSON is JSON',
    run: (subject) =>
      play(subject, {}, async (scene) => {
        const reply = await post(await scene.callbackUrl(), JSON.stringify(event()));
        assertReply(reply, 200, 'accepted');
        await untilHandled(scene, 1);
      }),
  },
  {
    name: 'chunked, and cut in the middle of a character: it arrives whole',
    async run(subject) {
      let reason = '';
      const onTaskFailed = ({ task }: { task: { reason: string } }) => (reason = task.reason);
      await play(subject, { onTaskFailed }, async (scene) => {
        const failed = sampleEvents.failed();
        const task = { ...(failed.payload['task'] as object), reason: 'Größe 任务' };
        const bytes = Buffer.from(
          JSON.stringify({ ...failed, payload: { ...failed.payload, task } }),
        );
        async function* chunks() {
          for (let at = 0; at < bytes.length; at += 7) yield bytes.subarray(at, at + 7);
        }
        assertReply(await post(await scene.callbackUrl(), chunks()), 200, 'accepted');
        await untilHandled(scene, 1);
        assert.equal(reason, 'Größe 任务');
      });
    },
  },
  {
    name: 'Expect: 100-continue is answered, then the event is taken',
    run: (subject) =>
      play(subject, {}, async (scene) => {
        const reply = await scene.deliver(event(), { expect: '100-continue' });
        assertReply(reply, 200, 'accepted');
      }),
  },
  {
    name: 'one connection carries many deliveries',
    run: (subject) =>
      play(subject, {}, async (scene) => {
        const agent = new Agent({ keepAlive: true, maxSockets: 1 });
        const ports = new Set<number | undefined>();
        agent.on('free', (socket: { localPort?: number }) => ports.add(socket.localPort));
        for (const taskId of ['a', 'b', 'c']) {
          const body = JSON.stringify(event({ taskId }));
          const url = await scene.callbackUrl();
          assertReply(await send(url, { method: 'POST', body, agent }), 200, 'accepted');
        }
        agent.destroy();
        assert.equal(ports.size, 1);
        await untilHandled(scene, 3);
      }),
  },
  {
    name: 'concurrent copies: all are answered 2xx, the handler runs once',
    run: (subject) =>
      play(subject, {}, async (scene) => {
        const copies = Array.from({ length: 50 }, () => scene.deliver(event({ taskId: 'same' })));
        for (const { status } of await Promise.all(copies)) assert.equal(status, 200);
        await untilHandled(scene, 1);
        await new Promise((resolve) => setTimeout(resolve, 20));
        assert.deepEqual(scene.handled, ['same']);
      }),
  },
  {
    name: 'an answer is the last word: nothing after the adapter is reached',
    run: (subject) =>
      play(subject, {}, async (scene) => {
        await scene.deliver(event());
        await scene.deliver({});
        await post(scene.server.url, '');
        await new Promise((resolve) => setTimeout(resolve, 20));
        assert.equal(scene.server.passedOn(), 0);
      }),
  },
  {
    name: 'closing under load: what was answered 2xx is in the inbox',
    run: (subject) =>
      play(subject, {}, async (scene) => {
        const acknowledged: string[] = [];
        const deliveries = Array.from({ length: 200 }, async (_, index) => {
          const taskId = `task-${index}`;
          const { status } = await scene.deliver(event({ taskId }));
          assert.ok(status === 200 || status === 503, `status ${status}`);
          if (status === 200) acknowledged.push(taskId);
        });
        await Promise.race(deliveries);
        await scene.receiver.close({ graceMs: 1000 });
        await Promise.all(deliveries);
        for (const taskId of acknowledged) {
          assert.ok(await scene.receiver.inbox.get({ endpoint: 'novita', taskId }), taskId);
        }
      }),
  },
];
