import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { gzipSync } from 'node:zlib';

import { sampleEvents } from '../../samples/sample-events.ts';
import { needsHttp1, type AdapterCase } from './adapter-subject.ts';
import { assertReply } from './support/assert-reply.ts';
import { exchange, post, send } from './support/http-client.ts';
import { stalledBody } from './support/slow-bodies.ts';
import { untilHandled, wait, withAdapter } from './support/with-adapter.ts';

const event = sampleEvents.imageSucceeded;

/** Chunked and encoded bodies, and several requests on one connection. */
export const transportCases: readonly AdapterCase[] = [
  {
    name: 'transport: a chunked body split within a character arrives unchanged',
    async run(subject) {
      let reason = '';
      const onTaskFailed = ({ task }: { task: { reason: string } }) => (reason = task.reason);
      await withAdapter(subject, { onTaskFailed }, async (fixture) => {
        const failed = sampleEvents.failed();
        const task = { ...(failed.payload['task'] as object), reason: 'Größe 任务' };
        const bytes = Buffer.from(
          JSON.stringify({ ...failed, payload: { ...failed.payload, task } }),
        );
        async function* chunks() {
          for (let at = 0; at < bytes.length; at += 7) yield bytes.subarray(at, at + 7);
        }
        assertReply(await post(await fixture.callbackUrl(), chunks()), 200, 'accepted');
        await untilHandled(fixture, 1);
        assert.equal(reason, 'Größe 任务');
      });
    },
  },
  {
    name: 'transport: a request with Expect 100-continue is accepted',
    skip: needsHttp1,
    run: (subject) =>
      withAdapter(subject, {}, async (fixture) => {
        const reply = await fixture.deliver(event(), { expect: '100-continue' });
        assertReply(reply, 200, 'accepted');
      }),
  },
  {
    name: 'transport: one keep-alive connection carries several deliveries',
    skip: needsHttp1,
    run: (subject) =>
      withAdapter(subject, {}, async (fixture) => {
        const agent = new Agent({ keepAlive: true, maxSockets: 1 });
        const ports = new Set<number | undefined>();
        agent.on('free', (socket: { localPort?: number }) => ports.add(socket.localPort));
        for (const taskId of ['a', 'b', 'c']) {
          const body = JSON.stringify(event({ taskId }));
          const url = await fixture.callbackUrl();
          assertReply(await send(url, { method: 'POST', body, agent }), 200, 'accepted');
        }
        agent.destroy();
        assert.equal(ports.size, 1);
        await untilHandled(fixture, 3);
      }),
  },
  {
    name: 'transport: chunk extensions and trailers are accepted',
    skip: needsHttp1,
    run: (subject) =>
      withAdapter(subject, {}, async (fixture) => {
        const body = JSON.stringify(event());
        const { pathname, search } = new URL(await fixture.callbackUrl());
        const replies = await exchange(
          fixture.server.url,
          `POST ${pathname}${search} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n` +
            'transfer-encoding: chunked\r\ntrailer: x-checksum\r\n\r\n' +
            `${body.length.toString(16)};name=value\r\n${body}\r\n0\r\nx-checksum: 1\r\n\r\n`,
        );
        assert.match(replies, /^HTTP\/1\.1 200 /);
        await untilHandled(fixture, 1);
      }),
  },
  {
    name: 'transport: a gzip body gets 415, and the same event unencoded gets 200',
    run: (subject) =>
      withAdapter(subject, {}, async (fixture) => {
        const body = JSON.stringify(event());
        const url = await fixture.callbackUrl();
        const gzip = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
        assertReply(await post(url, gzipSync(body), gzip), 415, 'unsupported_media_type');
        assertReply(
          await fixture.deliver(event(), { 'content-encoding': 'identity' }),
          200,
          'accepted',
        );
        await untilHandled(fixture, 1);
      }),
  },
  {
    name: 'transport: after a 413, the same client can deliver again',
    skip: needsHttp1,
    run: (subject) =>
      withAdapter(subject, { limits: { maxBodyBytes: 10_000 } }, async (fixture) => {
        const agent = new Agent({ keepAlive: true, maxSockets: 1 });
        // 20 kB fits into the socket buffers, 8 MB does not.
        for (const bytes of [20_000, 8_000_000]) {
          const large = ' '.repeat(bytes);
          const url = await fixture.callbackUrl();
          const rejected = await send(url, { method: 'POST', body: large, agent });
          assertReply(rejected, 413, 'body_too_large');
          const body = JSON.stringify(event({ taskId: `after ${bytes}` }));
          assertReply(await send(url, { method: 'POST', body, agent }), 200, 'accepted');
        }
        agent.destroy();
        await untilHandled(fixture, 2);
      }),
  },
  {
    name: 'transport: pipelined requests are answered in order',
    skip: needsHttp1,
    run: (subject) =>
      withAdapter(subject, {}, async (fixture) => {
        const { pathname, search } = new URL(await fixture.callbackUrl());
        const toRequest = (body: string, headers = '') =>
          `POST ${pathname}${search} HTTP/1.1\r\nhost: x\r\n${headers}` +
          `content-length: ${body.length}\r\n\r\n${body}`;
        const replies = await exchange(
          fixture.server.url,
          toRequest(JSON.stringify(event({ taskId: 'first' }))) +
            toRequest('{}') +
            toRequest(JSON.stringify(event({ taskId: 'last' })), 'connection: close\r\n'),
        );
        const statuses = [...replies.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
        assert.deepEqual(statuses, ['200', '422', '200']);
        await untilHandled(fixture, 2);
        assert.deepEqual(fixture.handled.toSorted(), ['first', 'last']);
      }),
  },
  {
    name: 'transport: if the sender disconnects midway, the inbox stays empty',
    run: (subject) =>
      withAdapter(subject, {}, async (fixture) => {
        const url = await fixture.callbackUrl();
        const aborted = send(url, { method: 'POST', body: stalledBody(), timeoutMs: 50 });
        await assert.rejects(aborted, /no answer/);
        await wait(20);
        const empty = { expected: 0, pending: 0, running: 0, done: 0, dead: 0, lagMs: 0 };
        assert.deepEqual(await fixture.receiver.inbox.stats(), empty);
        assertReply(await fixture.deliver(event()), 200, 'accepted');
        await untilHandled(fixture, 1);
      }),
  },
];
