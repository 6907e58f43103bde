import { BAD_TOKENS, badCallbackUrl, sampleEvents } from '@novita-webhooks/testing';
import type { ContractCase } from '@novita-webhooks/testing';
import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { gzipSync } from 'node:zlib';

import { post, send } from '../../packages/testing/src/contracts/adapter/support/http-client.ts';
import { SECRET } from './fixtures.ts';
import {
  assertReply,
  callbackUrl,
  deliver,
  endpoint,
  newTaskId,
  pause,
  postTo,
  sendCommand,
  untilHandled,
  type RuntimeSubject,
} from './subject.ts';

const event = sampleEvents.imageSucceeded;

/** `maxBodyBytes` of the fixture `smallBody`. */
const MAX_BODY_BYTES = 1000;

async function* endless(): AsyncGenerator<Uint8Array> {
  const chunk = Buffer.alloc(64 * 1024, ' ');
  for (;;) yield chunk;
}

/** A body that stops after its first bytes. */
async function* stalling(): AsyncGenerator<string> {
  yield '{"event_type":';
  await pause(10_000);
}

async function* whole(text: string): AsyncGenerator<string> {
  yield text;
}

async function countTooLarge(subject: RuntimeSubject): Promise<number> {
  const replies = (await sendCommand(subject, 'smallBody', 'replies')) as Record<string, number>;
  return replies['body_too_large'] ?? 0;
}

function isBrokenConnection(error: unknown): boolean {
  return ['ECONNRESET', 'EPIPE'].includes((error as NodeJS.ErrnoException).code ?? '');
}

/** Deliveries that every runtime must reject, and how it recovers. */
export const rejectCases: readonly ContractCase<RuntimeSubject>[] = [
  {
    name: 'a method other than POST: 405 with Allow',
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
    name: 'an invalid token: 401, the same reply for every kind',
    async run(subject) {
      const taskId = newTaskId();
      const answers = new Set<string>();
      for (const kind of BAD_TOKENS) {
        const url = await badCallbackUrl(kind, endpoint(subject, 'plain'), { secret: SECRET });
        const reply = await post(url, JSON.stringify(event({ taskId })));
        assertReply(reply, 401, 'unauthorized');
        const { status, headers, body } = reply;
        // Whether the connection stays open depends on the server and on the bytes it has read.
        const ignored = { date: undefined, connection: undefined, 'keep-alive': undefined };
        answers.add(JSON.stringify({ status, headers: { ...headers, ...ignored }, body }));
      }
      assert.equal(answers.size, 1);
      assertReply(await deliver(subject, 'plain', event({ taskId })), 200, 'accepted');
    },
  },
  {
    name: 'a missing token: 401 before the body is complete',
    async run(subject) {
      assertReply(await post(endpoint(subject, 'plain'), stalling()), 401, 'unauthorized');
    },
  },
  {
    name: 'a content length over the limit: 413 before the body',
    async run(subject) {
      const headers = { 'content-length': String(MAX_BODY_BYTES + 1) };
      assertReply(await postTo(subject, 'smallBody', stalling(), headers), 413, 'body_too_large');
    },
  },
  {
    name: 'a chunked body over the limit: 413 before its end',
    async run(subject) {
      const before = await countTooLarge(subject);
      const reply = await postTo(subject, 'smallBody', endless()).catch((error: unknown) => {
        if (subject.lingers || !isBrokenConnection(error)) throw error;
        return undefined; // a fetch server may close the connection while the client sends
      });
      if (reply !== undefined) assertReply(reply, 413, 'body_too_large');
      assert.equal(await countTooLarge(subject), before + 1);
    },
  },
  {
    name: 'a body one byte over the limit: 413; a body of the limit: 200',
    async run(subject) {
      const body = JSON.stringify(event({ taskId: newTaskId() })).padEnd(MAX_BODY_BYTES);
      assertReply(await postTo(subject, 'smallBody', whole(`${body} `)), 413, 'body_too_large');
      assertReply(await postTo(subject, 'smallBody', whole(body)), 200, 'accepted');
    },
  },
  {
    name: 'after a 413 the next request of the same connection pool gets 200',
    async run(subject) {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      const url = await callbackUrl(subject, 'smallBody');
      const large = ' '.repeat(100_000);
      const rejected = await send(url, { method: 'POST', body: large, agent });
      assertReply(rejected, 413, 'body_too_large');
      const body = JSON.stringify(event({ taskId: newTaskId() }));
      assertReply(await send(url, { method: 'POST', body, agent }), 200, 'accepted');
      agent.destroy();
    },
  },
  {
    name: 'a body that stops: 408 after the body timeout',
    async run(subject) {
      const startedAt = Date.now();
      assertReply(await postTo(subject, 'shortBodyTimeout', stalling()), 408, 'body_too_slow');
      assert.ok(Date.now() - startedAt < 2000);
    },
  },
  {
    name: 'invalid JSON: 400; wrong content type or encoding: 415; not an event: 422',
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
    name: 'a client that disconnects during the body: the next delivery gets 200',
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
    name: 'a client that disconnects during the handler: the event is handled',
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
    name: 'a failing inbox: 503 with Retry-After, then 200',
    async run(subject) {
      const taskId = newTaskId();
      const failed = await deliver(subject, 'failingInbox', event({ taskId }));
      assertReply(failed, 503, 'inbox_unavailable');
      assert.equal(failed.headers['retry-after'], '5');
      assertReply(await deliver(subject, 'failingInbox', event({ taskId })), 200, 'accepted');
      await untilHandled(subject, 'failingInbox', taskId);
    },
  },
  {
    name: 'a closing receiver: 503',
    async run(subject) {
      await sendCommand(subject, 'closing', 'close');
      const reply = await deliver(subject, 'closing', event({ taskId: newTaskId() }));
      assertReply(reply, 503, 'closing');
    },
  },
];
