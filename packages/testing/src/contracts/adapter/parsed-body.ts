import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';

import type { TaskResult } from '@novita-webhooks/core';

import { sampleEvents } from '../../samples/sample-events.ts';
import { needs, type AdapterCase, type PriorMiddleware } from './adapter-subject.ts';
import { assertReply } from './support/assert-reply.ts';
import { post } from './support/http-client.ts';
import { untilHandled, withAdapter } from './support/with-adapter.ts';

const event = sampleEvents.imageSucceeded;

const afterParser = (before: PriorMiddleware): AdapterCase => ({
  name: `parsed body: after a parser (${before}), the event is handled`,
  skip: needs(before),
  run: (subject) =>
    withAdapter(subject, { before }, async (fixture) => {
      assertReply(await fixture.deliver(event({ taskId: 'parsed' })), 200, 'accepted');
      await untilHandled(fixture, 1);
      assertReply(await fixture.deliver(event({ taskId: 'parsed' })), 200, 'duplicate');
    }),
});

/** Deliveries whose body earlier middleware has read, in part or completely. */
export const parsedBodyCases: readonly AdapterCase[] = [
  ...(['json', 'json-by-type', 'raw', 'text', 'rawBody'] as const).map(afterParser),
  ...(['node-json', 'node-rawBody', 'bigint'] as const).map(afterParser),
  {
    name: 'parsed body: a long integer keeps its digits (bigint)',
    skip: needs('bigint'),
    async run(subject) {
      const seeds: unknown[] = [];
      const onTaskSucceeded = ({ extra }: TaskResult) => void seeds.push(extra.seed);
      await withAdapter(subject, { before: 'bigint', onTaskSucceeded }, async (fixture) => {
        const { payload, ...envelope } = event();
        const text = JSON.stringify({ ...envelope, payload: { ...payload, extra: { seed: 0 } } });
        const body = text.replace('"seed":0', '"seed":12345678901234567890');
        assertReply(await post(await fixture.callbackUrl(), body), 200, 'accepted');
        await untilHandled(fixture, 1);
        assert.deepEqual(seeds, ['12345678901234567890']);
      });
    },
  },
  {
    name: 'parsed body: one that cannot be read (throws) gets 401 without a token, 400 with one',
    skip: needs('throws'),
    run: (subject) =>
      withAdapter(subject, { before: 'throws' }, async ({ server, deliver }) => {
        const body = JSON.stringify(event());
        assertReply(await post(server.url, body), 401, 'unauthorized');
        assert.equal((await deliver(event())).status, 400);
        assert.equal(server.passedOn(), 0, 'the adapter did not reject');
      }),
  },
  {
    name: 'parsed body: a body that the parser skipped (json-by-type) is read',
    skip: needs('json-by-type'),
    run: (subject) =>
      withAdapter(subject, { before: 'json-by-type' }, async (fixture) => {
        const reply = await fixture.deliver(event(), { 'content-type': 'text/plain' });
        assertReply(reply, 200, 'accepted');
        await untilHandled(fixture, 1);
      }),
  },
  {
    name: 'parsed body: a gzip body decoded by the parser (json) is handled',
    skip: (subject) =>
      needs('json')(subject) ??
      (subject.inflates === true ? undefined : 'the json middleware does not decode gzip'),
    run: (subject) =>
      withAdapter(subject, { before: 'json' }, async (fixture) => {
        const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
        const body = gzipSync(JSON.stringify(event()));
        assertReply(await post(await fixture.callbackUrl(), body, headers), 200, 'accepted');
        await untilHandled(fixture, 1);
      }),
  },
  {
    name: 'parsed body: beside a stream listener (tap), handled or 500, not 408',
    skip: needs('tap'),
    run: (subject) =>
      withAdapter(subject, { before: 'tap' }, async (fixture) => {
        const reply = await fixture.deliver(event());
        if (reply.status === 200) await untilHandled(fixture, 1);
        else assertReply(reply, 500, 'body_already_read');
      }),
  },
  {
    name: 'parsed body: a discarded body (drain) gets 500, not 408, and the remedy',
    skip: needs('drain'),
    run: (subject) =>
      withAdapter(subject, { before: 'drain' }, async (fixture) => {
        const reply = await fixture.deliver(event());
        assertReply(reply, 500, 'body_already_read');
        assert.match(reply.body, /Mount the webhook middleware before/);
      }),
  },
];
