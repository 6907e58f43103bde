import assert from 'node:assert/strict';

import { createFakeInbox } from '../../fakes/create-fake-inbox.ts';
import { BAD_TOKENS, badCallbackUrl } from '../../samples/bad-callback-url.ts';
import { sampleEvents } from '../../samples/sample-events.ts';
import type { AdapterCase } from './adapter-subject.ts';
import { assertReply } from './support/assert-reply.ts';
import { post, send } from './support/http-client.ts';
import { stalledBody } from './support/slow-bodies.ts';
import { untilHandled, withAdapter } from './support/with-adapter.ts';

const event = sampleEvents.imageSucceeded;
const EMPTY = { expected: 0, pending: 0, running: 0, done: 0, dead: 0, lagMs: 0 };

/** Deliveries that are answered with an error. */
export const rejectCases: readonly AdapterCase[] = [
  {
    name: 'reject: methods other than POST get 405 with Allow',
    skip: ({ postOnly }) => (postOnly === true ? 'the adapter receives POST only' : undefined),
    run: (subject) =>
      withAdapter(subject, {}, async ({ server }) => {
        for (const method of ['GET', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
          const reply = await send(server.url, { method });
          assertReply(reply, 405, 'method_not_allowed');
          assert.equal(reply.headers.allow, 'POST');
        }
        const head = await send(server.url, { method: 'HEAD' });
        assert.deepEqual([head.status, head.body], [405, '']);
        assert.equal(server.passedOn(), 0);
      }),
  },
  {
    name: 'reject: every kind of bad token gets the same 401 reply',
    run: (subject) =>
      withAdapter(subject, {}, async (fixture) => {
        const replies = new Set<string>();
        for (const kind of BAD_TOKENS) {
          const url = await badCallbackUrl(kind, fixture.server.url);
          const reply = await post(url, JSON.stringify(event()));
          assertReply(reply, 401, 'unauthorized');
          replies.add(JSON.stringify({ ...reply, headers: { ...reply.headers, date: undefined } }));
        }
        assert.equal(replies.size, 1);
        assert.deepEqual(await fixture.receiver.inbox.stats(), EMPTY);
      }),
  },
  {
    name: 'reject: a request without a token gets 401 before its body arrives',
    run: (subject) =>
      withAdapter(subject, {}, async ({ server }) => {
        assertReply(await post(server.url, stalledBody()), 401, 'unauthorized');
      }),
  },
  {
    name: 'reject: invalid JSON 400, content type 415, no event type or task 422',
    run: (subject) =>
      withAdapter(subject, {}, async (fixture) => {
        const url = await fixture.callbackUrl();
        const type = { 'content-type': 'multipart/form-data; boundary=x' };
        assertReply(await post(url, '{"event_type":'), 400, 'invalid_json');
        assertReply(await post(url, ''), 400, 'invalid_json');
        assertReply(await post(url, '--x--', type), 415, 'unsupported_media_type');
        assertReply(await fixture.deliver({}), 422, 'missing_event_type');
        const noTask = { event_type: 'ASYNC_TASK_RESULT', payload: {} };
        assertReply(await fixture.deliver(noTask), 422, 'missing_task_id');
      }),
  },
  {
    name: 'reject: a failing or hanging inbox gets 503, and 200 once it recovers',
    async run(subject) {
      const inbox = createFakeInbox();
      await withAdapter(subject, { inbox, limits: { replyTimeoutMs: 100 } }, async (fixture) => {
        inbox.fail(new Error('connection refused'));
        const failed = await fixture.deliver(event());
        assertReply(failed, 503, 'inbox_unavailable');
        assert.equal(failed.headers['retry-after'], '5');
        inbox.stall();
        assertReply(await fixture.deliver(event()), 503, 'reply_timeout');
        inbox.recover();
        assert.equal((await fixture.deliver(event())).status, 200);
        await untilHandled(fixture, 1);
      });
    },
  },
  {
    name: 'reject: a closing receiver answers 503',
    run: (subject) =>
      withAdapter(subject, {}, async (fixture) => {
        await fixture.receiver.close({ gracePeriodMs: 100 });
        assertReply(await fixture.deliver(event()), 503, 'closing');
      }),
  },
];
