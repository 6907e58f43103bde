import { BAD_TOKENS, badCallbackUrl, sampleEvents } from '@novita-webhooks/testing';
import type { ContractCase } from '@novita-webhooks/testing';
import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { gzipSync } from 'node:zlib';

import { post, send } from '../../packages/testing/src/contracts/adapter/support/http-client.ts';
import { SECRET } from './scenes.ts';
import {
  ask,
  assertReply,
  callbackUrl,
  deliver,
  endpoint,
  newTaskId,
  pause,
  postTo,
  untilHandled,
  type RuntimeSubject,
} from './subject.ts';

const event = sampleEvents.imageSucceeded;

/** Bytes of the largest body that the scene `small` takes. */
const SMALL = 1000;

async function* endless(): AsyncGenerator<Uint8Array> {
  const chunk = Buffer.alloc(64 * 1024, ' ');
  for (;;) yield chunk;
}

/** A body of which the first bytes come at once and the rest never does. */
async function* stalling(): AsyncGenerator<string> {
  yield '{"event_type":';
  await pause(10_000);
}

async function* whole(text: string): AsyncGenerator<string> {
  yield text;
}

async function countTooLarge(subject: RuntimeSubject): Promise<number> {
  const replies = (await ask(subject, 'small', 'replies')) as Record<string, number>;
  return replies['body_too_large'] ?? 0;
}

function isBrokenConnection(error: unknown): boolean {
  return ['ECONNRESET', 'EPIPE'].includes((error as NodeJS.ErrnoException).code ?? '');
}

/** What is refused, and how. */
export const refusing: readonly ContractCase<RuntimeSubject>[] = [
  {
    name: 'methods other than POST: 405 with Allow',
    async run(subject) {
      const url = endpoint(subject, 'plain');
      for (const method of ['GET', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
        const reply = await send(url, { method });
        assertReply(reply, 405, 'method_not_allowed');
        assert.equal(reply.headers.allow, 'POST');
      }
      const head = await send(url, { method: 'HEAD' });
      assert.deepEqual([head.status, head.body], [405, '']);
    },
  },
  {
    name: 'bad tokens of every kind: 401, and the same answer to all',
    async run(subject) {
      const taskId = newTaskId();
      const answers = new Set<string>();
      for (const kind of BAD_TOKENS) {
        const url = await badCallbackUrl(kind, endpoint(subject, 'plain'), { secret: SECRET });
        const reply = await post(url, JSON.stringify(event({ taskId })));
        assertReply(reply, 401, 'unauthorized');
        const { status, headers, body } = reply;
        // Whether the connection goes on is the server's affair, and depends on what has come in.
        const passing = { date: undefined, connection: undefined, 'keep-alive': undefined };
        answers.add(JSON.stringify({ status, headers: { ...headers, ...passing }, body }));
      }
      assert.equal(answers.size, 1);
      assertReply(await deliver(subject, 'plain', event({ taskId })), 200, 'accepted');
    },
  },
  {
    name: 'without a token: 401 before the body has come',
    async run(subject) {
      assertReply(await post(endpoint(subject, 'plain'), stalling()), 401, 'unauthorized');
    },
  },
  {
    name: 'a body announced as too large: 413 before it comes',
    async run(subject) {
      const headers = { 'content-length': String(SMALL + 1) };
      assertReply(await postTo(subject, 'small', stalling(), headers), 413, 'body_too_large');
    },
  },
  {
    name: 'a body that turns out too large: 413 without waiting for its end',
    async run(subject) {
      const before = await countTooLarge(subject);
      const reply = await postTo(subject, 'small', endless()).catch((error: unknown) => {
        if (subject.lingers || !isBrokenConnection(error)) throw error;
        return undefined; // a fetch server may hang up on who is still talking
      });
      if (reply !== undefined) assertReply(reply, 413, 'body_too_large');
      assert.equal(await countTooLarge(subject), before + 1);
    },
  },
  {
    name: 'a body within the limit by one byte is taken, one over it is not',
    async run(subject) {
      const body = JSON.stringify(event({ taskId: newTaskId() })).padEnd(SMALL);
      assertReply(await postTo(subject, 'small', whole(`${body} `)), 413, 'body_too_large');
      assertReply(await postTo(subject, 'small', whole(body)), 200, 'accepted');
    },
  },
  {
    name: 'after a 413 the same sender is served again',
    async run(subject) {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      const url = await callbackUrl(subject, 'small');
      const large = ' '.repeat(100_000);
      const refused = await send(url, { method: 'POST', body: large, agent });
      assertReply(refused, 413, 'body_too_large');
      const body = JSON.stringify(event({ taskId: newTaskId() }));
      assertReply(await send(url, { method: 'POST', body, agent }), 200, 'accepted');
      agent.destroy();
    },
  },
  {
    name: 'a body that does not come: 408 in time',
    async run(subject) {
      const startedAt = Date.now();
      assertReply(await postTo(subject, 'impatient', stalling()), 408, 'body_too_slow');
      assert.ok(Date.now() - startedAt < 2000);
    },
  },
  {
    name: 'not JSON, poisoned: 400; another type of content, encoded: 415; no event, no task: 422',
    async run(subject) {
      const type = { 'content-type': 'multipart/form-data; boundary=x' };
      const zipped = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
      const poisoned = '{"event_type":"x","__proto__":{"polluted":true}}';
      async function* gzipped() {
        yield gzipSync(JSON.stringify(event({ taskId: newTaskId() })));
      }
      const at = (body: string) => postTo(subject, 'plain', body);
      assertReply(await at('{"event_type":'), 400, 'invalid_json');
      assertReply(await at(''), 400, 'invalid_json');
      assertReply(await at(poisoned), 400, 'invalid_json');
      assertReply(await postTo(subject, 'plain', '--x--', type), 415, 'unsupported_media_type');
      const encoded = await postTo(subject, 'plain', gzipped(), zipped);
      assertReply(encoded, 415, 'unsupported_media_type');
      assertReply(await deliver(subject, 'plain', {}), 422, 'missing_event_type');
      const noTask = { event_type: 'ASYNC_TASK_RESULT', payload: {} };
      assertReply(await deliver(subject, 'plain', noTask), 422, 'missing_task_id');
    },
  },
  {
    name: 'a sender that leaves midway: the next one is served',
    async run(subject) {
      const url = await callbackUrl(subject, 'plain');
      const left = send(url, { method: 'POST', body: stalling(), timeoutMs: 50 });
      await assert.rejects(left, /no answer/);
      const taskId = newTaskId();
      assertReply(await deliver(subject, 'plain', event({ taskId })), 200, 'accepted');
      await untilHandled(subject, 'plain', taskId);
    },
  },
  {
    name: 'a sender that leaves while the handler runs: its event is not lost',
    async run(subject) {
      const taskId = newTaskId('takes-200');
      const url = await callbackUrl(subject, 'plain');
      const body = JSON.stringify(event({ taskId }));
      const left = send(url, { method: 'POST', body, timeoutMs: 80 });
      await left.catch(() => undefined);
      const { status } = await deliver(subject, 'plain', event({ taskId }));
      assert.equal(status, 200);
      await untilHandled(subject, 'plain', taskId);
    },
  },
  {
    name: 'an inbox that fails: 503, Retry-After, and 200 when it is back',
    async run(subject) {
      const taskId = newTaskId();
      const failed = await deliver(subject, 'brokenInbox', event({ taskId }));
      assertReply(failed, 503, 'inbox_unavailable');
      assert.equal(failed.headers['retry-after'], '5');
      assertReply(await deliver(subject, 'brokenInbox', event({ taskId })), 200, 'accepted');
      await untilHandled(subject, 'brokenInbox', taskId);
    },
  },
  {
    name: 'a closing receiver: 503',
    async run(subject) {
      await ask(subject, 'closing', 'close');
      const reply = await deliver(subject, 'closing', event({ taskId: newTaskId() }));
      assertReply(reply, 503, 'closing');
    },
  },
];
