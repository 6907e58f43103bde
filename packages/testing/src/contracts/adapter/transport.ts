import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { gzipSync } from 'node:zlib';

import { sampleEvents } from '../../samples/sample-events.ts';
import { exchange, post, send } from './support/http-client.ts';
import { assertReply, needs, needsHttp1, play, untilHandled, type AdapterCase } from './adapter-subject.ts';

const event = sampleEvents.imageSucceeded;
const GZIP = { 'content-type': 'application/json', 'content-encoding': 'gzip' };

/** How bytes come in: in pieces, encoded, one request after another. */
export const transport: readonly AdapterCase[] = [
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
    skip: needsHttp1,
    run: (subject) =>
      play(subject, {}, async (scene) => {
        const reply = await scene.deliver(event(), { expect: '100-continue' });
        assertReply(reply, 200, 'accepted');
      }),
  },
  {
    name: 'one connection carries many deliveries',
    skip: needsHttp1,
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
    name: 'chunks with extensions, and trailers after them: the event is taken',
    skip: needsHttp1,
    run: (subject) =>
      play(subject, {}, async (scene) => {
        const body = JSON.stringify(event());
        const { pathname, search } = new URL(await scene.callbackUrl());
        const answers = await exchange(
          scene.server.url,
          `POST ${pathname}${search} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n` +
            'transfer-encoding: chunked\r\ntrailer: x-checksum\r\n\r\n' +
            `${body.length.toString(16)};name=value\r\n${body}\r\n0\r\nx-checksum: 1\r\n\r\n`,
        );
        assert.match(answers, /^HTTP\/1\.1 200 /);
        await untilHandled(scene, 1);
      }),
  },
  {
    name: 'gzip-encoded: 415, and the same event without is taken',
    run: (subject) =>
      play(subject, {}, async (scene) => {
        const body = JSON.stringify(event());
        const url = await scene.callbackUrl();
        assertReply(await post(url, gzipSync(body), GZIP), 415, 'unsupported_media_type');
        assertReply(
          await scene.deliver(event(), { 'content-encoding': 'identity' }),
          200,
          'accepted',
        );
        await untilHandled(scene, 1);
      }),
  },
  {
    name: 'gzip-encoded, after a parser that decodes it (json): the event is handled',
    skip: (subject) =>
      needs('json')(subject) ?? (subject.inflates === true ? undefined : 'it does not'),
    run: (subject) =>
      play(subject, { before: 'json' }, async (scene) => {
        const body = gzipSync(JSON.stringify(event()));
        assertReply(await post(await scene.callbackUrl(), body, GZIP), 200, 'accepted');
        await untilHandled(scene, 1);
      }),
  },
  {
    name: 'after a 413 the same client goes on',
    skip: needsHttp1,
    run: (subject) =>
      play(subject, { limits: { maxBodyBytes: 10_000 } }, async (scene) => {
        const agent = new Agent({ keepAlive: true, maxSockets: 1 });
        // The first still fits into the buffers on the way, the others do not.
        for (const bytes of [20_000, 8_000_000]) {
          const large = ' '.repeat(bytes);
          const url = await scene.callbackUrl();
          const refused = await send(url, { method: 'POST', body: large, agent });
          assertReply(refused, 413, 'body_too_large');
          const body = JSON.stringify(event({ taskId: `after ${bytes}` }));
          assertReply(await send(url, { method: 'POST', body, agent }), 200, 'accepted');
        }
        agent.destroy();
        await untilHandled(scene, 2);
      }),
  },
  {
    name: 'requests on one connection that do not wait for answers: each has its own, in order',
    skip: needsHttp1,
    run: (subject) =>
      play(subject, {}, async (scene) => {
        const { pathname, search } = new URL(await scene.callbackUrl());
        const delivered = (body: string, more = '') =>
          `POST ${pathname}${search} HTTP/1.1\r\nhost: x\r\n${more}` +
          `content-length: ${body.length}\r\n\r\n${body}`;
        const answers = await exchange(
          scene.server.url,
          delivered(JSON.stringify(event({ taskId: 'first' }))) +
            delivered('{}') +
            delivered(JSON.stringify(event({ taskId: 'last' })), 'connection: close\r\n'),
        );
        const statuses = [...answers.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
        assert.deepEqual(statuses, ['200', '422', '200']);
        await untilHandled(scene, 2);
        assert.deepEqual(scene.handled.toSorted(), ['first', 'last']);
      }),
  },
];
