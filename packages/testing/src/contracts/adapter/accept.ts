import assert from 'node:assert/strict';

import { sampleEvents } from '../../samples/sample-events.ts';
import { post } from './support/http-client.ts';
import {
  assertReply,
  needs,
  play,
  untilHandled,
  type AdapterCase,
  type Before,
} from './adapter-subject.ts';

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
        await scene.receiver.close({ gracePeriodMs: 1000 });
        await Promise.all(deliveries);
        for (const taskId of acknowledged) {
          assert.ok(await scene.receiver.inbox.get({ endpoint: 'novita', taskId }), taskId);
        }
      }),
  },
];
