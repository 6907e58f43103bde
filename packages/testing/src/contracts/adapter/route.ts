import assert from 'node:assert/strict';

import { createReceiver, type Receiver } from '@novita-webhooks/core';

import { createFakeInbox } from '../../fakes/create-fake-inbox.ts';
import { sampleEvents } from '../../samples/sample-events.ts';
import { TEST_SECRET } from '../../samples/signed-delivery.ts';
import type { AdapterCase, AdapterSubject } from './adapter-subject.ts';
import { assertReply } from './support/assert-reply.ts';
import { post } from './support/http-client.ts';
import type { HttpReply } from './support/http-message.ts';
import { untilHandled, wait, withAdapter, type AdapterFixture } from './support/with-adapter.ts';

const event = sampleEvents.imageSucceeded;

/** The URL of a delivery, and requests to other routes. */
export const routeCases: readonly AdapterCase[] = [
  {
    name: 'route: metadata is read from a query with other parameters',
    async run(subject) {
      const seen: unknown[] = [];
      const onTaskFinished = (_: unknown, { metadata }: { metadata: unknown }) =>
        seen.push(metadata);
      await withAdapter(subject, { onTaskFinished }, async ({ receiver, server }) => {
        const url = new URL(await receiver.createCallbackUrl({ metadata: { order: 'ü 42' } }));
        const query = `?first=1&a[]=2&a[]=3&${url.search.slice(1)}&empty&last=%20%26`;
        assertReply(await post(server.url + query, JSON.stringify(event())), 200, 'accepted');
        await wait(20);
        assert.deepEqual(seen, [{ order: 'ü 42' }]);
      });
    },
  },
  {
    name: 'route: a path with a trailing slash is accepted',
    skip: ({ trailingSlash }) =>
      trailingSlash === 'left' ? 'a trailing slash is another path' : undefined,
    run: (subject) =>
      withAdapter(subject, {}, async (fixture) => {
        assertReply(await deliverWithSlash(fixture), 200, 'accepted');
        await untilHandled(fixture, 1);
      }),
  },
  {
    name: 'route: where a trailing slash is another path, the app answers 404',
    skip: ({ trailingSlash }) =>
      trailingSlash === 'left' ? undefined : 'a trailing slash is the same path',
    run: (subject) =>
      withAdapter(subject, {}, async (fixture) => {
        assert.equal((await deliverWithSlash(fixture)).status, 404);
        assert.deepEqual((await fixture.receiver.stats()).replies, {});
      }),
  },
  {
    name: 'route: mounting a receiver without a secret throws invalid_option',
    async run(subject) {
      const inbox = createFakeInbox();
      const capabilities = { ...inbox.capabilities, shared: true };
      const worker = createReceiver({ inbox: { ...inbox, capabilities }, logger: false });
      try {
        await assert.rejects(async () => subject.serve(worker, undefined), {
          code: 'invalid_option',
        });
      } finally {
        await worker.close({ gracePeriodMs: 100 });
      }
    },
  },
  {
    name: 'route: other routes receive bodies as they do without the adapter',
    skip: ({ serveOtherRoute }) => (serveOtherRoute ? undefined : 'the server has no routes'),
    async run(subject) {
      const receiver = createReceiver({ secret: TEST_SECRET, logger: false });
      try {
        const without = await repliesOfOtherRoute(subject, undefined);
        assert.deepEqual(await repliesOfOtherRoute(subject, receiver), without);
        // Also checks that the bodies are parsed at all: two equal failures would compare equal.
        assert.deepEqual(
          without.slice(0, 3).map(({ status }) => status),
          [200, 200, 200],
        );
        assert.equal(without[0]?.body, '{"a":[1,{"b":"ü"}]}');
        assert.deepEqual((await receiver.stats()).replies, {});
      } finally {
        await receiver.close({ gracePeriodMs: 100 });
      }
    },
  },
];

async function deliverWithSlash({ server, callbackUrl }: AdapterFixture): Promise<HttpReply> {
  const url = (await callbackUrl()).replace('?', '/?');
  assert.ok(url.startsWith(`${server.url}/?`));
  return post(url, JSON.stringify(event()));
}

/** Bodies that a route may receive. Every subject parses the first three. */
const bodies: readonly (readonly [type: string | undefined, body: string | Uint8Array])[] = [
  ['application/json', '{"a":[1,{"b":"ü"}]}'],
  ['application/json; charset=utf-8', JSON.stringify(event())],
  ['text/plain', 'plain {"text"}'],
  ['application/x-www-form-urlencoded', 'a=1&b=%C3%BC'],
  ['application/x-custom', new Uint8Array([0, 1, 128, 255])],
  ['application/x-unknown', 'no parser for this type'],
  ['application/json', '{"a":'],
  ['application/json', '{"__proto__":{"a":1}}'],
  ['application/json', ''],
  ['application/json', `"${'x'.repeat(2 * 1024 * 1024)}"`],
  [undefined, 'no type'],
];

async function repliesOfOtherRoute(
  { serveOtherRoute }: AdapterSubject,
  receiver: Receiver | undefined,
): Promise<{ status: number; type: string | undefined; body: string }[]> {
  assert.ok(serveOtherRoute);
  const server = await serveOtherRoute(receiver);
  try {
    const replies = [];
    for (const [type, body] of bodies) {
      const headers = type === undefined ? {} : { 'content-type': type };
      const reply = await post(server.url, body, headers);
      replies.push({
        status: reply.status,
        type: reply.headers['content-type'],
        body: reply.body,
      });
    }
    return replies;
  } finally {
    await server.close();
  }
}
