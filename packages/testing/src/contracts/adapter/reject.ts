import assert from 'node:assert/strict';

import { BAD_TOKENS, badCallbackUrl } from '../../samples/signed-delivery.ts';
import { createFakeInbox } from '../../fakes/create-fake-inbox.ts';
import { sampleEvents } from '../../samples/sample-events.ts';
import { post, send } from './support/http-client.ts';
import type { HttpReply } from './support/http-message.ts';
import {
  assertCloses,
  assertReply,
  needs,
  play,
  untilHandled,
  type AdapterCase,
} from './adapter-subject.ts';

const event = sampleEvents.imageSucceeded;
const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** A body that goes on until somebody stops it, or for `bytes`. */
async function* endless(bytes = Infinity, chunkBytes = 64 * 1024): AsyncGenerator<Uint8Array> {
  const chunk = Buffer.alloc(chunkBytes, ' ');
  for (let sent = 0; sent < bytes; sent += chunkBytes) yield chunk;
}

/** A body of which the first bytes come at once and the rest never does. */
async function* stalling(): AsyncGenerator<string> {
  yield '{"event_type":';
  await wait(10_000);
}

/** What is refused, and how. */
export const refusing: readonly AdapterCase[] = [
  {
    name: 'methods other than POST: 405 with Allow',
    skip: ({ postOnly }) => (postOnly === true ? 'only POST reaches the adapter here' : undefined),
    run: (subject) =>
      play(subject, {}, async ({ server }) => {
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
    name: 'bad tokens of every kind: 401, and the same answer to all',
    run: (subject) =>
      play(subject, {}, async (scene) => {
        const answers = new Set<string>();
        for (const kind of BAD_TOKENS) {
          const url = await badCallbackUrl(kind, scene.server.url);
          const reply = await post(url, JSON.stringify(event()));
          assertReply(reply, 401, 'unauthorized');
          answers.add(JSON.stringify(comparable(reply)));
        }
        assert.equal(answers.size, 1);
        assert.deepEqual(await scene.receiver.inbox.stats(), empty);
      }),
  },
  {
    name: 'without a token: 401 before the body has come',
    run: (subject) =>
      play(subject, {}, async ({ server }) => {
        assertReply(await post(server.url, stalling()), 401, 'unauthorized');
      }),
  },
  {
    name: 'a body announced as too large: 413 before it comes, and the connection closes',
    run: (subject) =>
      play(subject, { limits: { maxBodyBytes: 1000 } }, async (scene) => {
        const headers = { 'content-length': '1001' };
        const reply = await post(await scene.callbackUrl(), stalling(), headers);
        assertReply(reply, 413, 'body_too_large');
        assertCloses(subject, reply);
      }),
  },
  {
    name: 'a body that turns out too large: 413 without waiting for its end',
    run: (subject) =>
      play(subject, { limits: { maxBodyBytes: 100_000 } }, async (scene) => {
        const reply = await post(await scene.callbackUrl(), endless());
        assertReply(reply, 413, 'body_too_large');
        assertCloses(subject, reply);
      }),
  },
  {
    name: 'a body within the limit by one byte is taken, one over it is not',
    async run(subject) {
      const body = JSON.stringify(event());
      const maxBodyBytes = Buffer.byteLength(body);
      async function* whole(text: string) {
        yield text;
      }
      await play(subject, { limits: { maxBodyBytes } }, async (scene) => {
        const url = await scene.callbackUrl();
        assertReply(await post(url, whole(`${body} `)), 413, 'body_too_large');
        assertReply(await post(url, whole(body)), 200, 'accepted');
      });
    },
  },
  {
    name: 'a body that does not come: 408 in time',
    run: (subject) =>
      play(subject, { limits: { bodyTimeoutMs: 150 } }, async (scene) => {
        const startedAt = Date.now();
        const reply = await post(await scene.callbackUrl(), stalling());
        assertReply(reply, 408, 'body_too_slow');
        assert.ok(Date.now() - startedAt < 2000);
      }),
  },
  {
    name: 'a body that somebody read and did not keep: 500 at once, with what to do',
    skip: needs('drain'),
    run: (subject) =>
      play(subject, { before: 'drain' }, async (scene) => {
        const startedAt = Date.now();
        const reply = await scene.deliver(event());
        assertReply(reply, 500, 'body_already_read');
        assert.match(reply.body, /Mount the webhook middleware before/);
        assert.ok(Date.now() - startedAt < 1000);
      }),
  },
  {
    name: 'not JSON: 400; another type of content: 415; no event, no task: 422',
    run: (subject) =>
      play(subject, {}, async (scene) => {
        const url = await scene.callbackUrl();
        const type = { 'content-type': 'multipart/form-data; boundary=x' };
        assertReply(await post(url, '{"event_type":'), 400, 'invalid_json');
        assertReply(await post(url, ''), 400, 'invalid_json');
        assertReply(await post(url, '--x--', type), 415, 'unsupported_media_type');
        assertReply(await scene.deliver({}), 422, 'missing_event_type');
        const noTask = { event_type: 'ASYNC_TASK_RESULT', payload: {} };
        assertReply(await scene.deliver(noTask), 422, 'missing_task_id');
      }),
  },
  {
    name: 'a sender that leaves midway: nothing is kept, and the next one is served',
    run: (subject) =>
      play(subject, {}, async (scene) => {
        const url = await scene.callbackUrl();
        const left = send(url, { method: 'POST', body: stalling(), timeoutMs: 50 });
        await assert.rejects(left, /no answer/);
        await wait(20);
        assert.deepEqual(await scene.receiver.inbox.stats(), empty);
        assertReply(await scene.deliver(event()), 200, 'accepted');
        await untilHandled(scene, 1);
      }),
  },
  {
    name: 'an inbox that fails or hangs: 503 in time, Retry-After, and 200 when it is back',
    async run(subject) {
      const inbox = createFakeInbox();
      await play(subject, { inbox, limits: { replyTimeoutMs: 100 } }, async (scene) => {
        inbox.fail(new Error('connection refused'));
        const failed = await scene.deliver(event());
        assertReply(failed, 503, 'inbox_unavailable');
        assert.equal(failed.headers['retry-after'], '5');
        inbox.stall();
        assertReply(await scene.deliver(event()), 503, 'reply_timeout');
        inbox.recover();
        assert.equal((await scene.deliver(event())).status, 200);
        await untilHandled(scene, 1);
      });
    },
  },
  {
    name: 'a closing receiver: 503',
    run: (subject) =>
      play(subject, {}, async (scene) => {
        await scene.receiver.close({ gracePeriodMs: 100 });
        assertReply(await scene.deliver(event()), 503, 'closing');
      }),
  },
];

const empty = { pending: 0, running: 0, done: 0, dead: 0, lagMs: 0 };

function comparable({ status, headers, body }: HttpReply): unknown {
  return { status, headers: { ...headers, date: undefined }, body };
}
