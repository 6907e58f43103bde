import assert from 'node:assert/strict';

import { sampleEvents } from '../../samples/sample-events.ts';
import { createReceiver } from '@novita-webhooks/core';
import { TEST_SECRET } from '../../samples/signed-delivery.ts';
import { createFakeInbox } from '../../fakes/create-fake-inbox.ts';
import { post } from './support/http-client.ts';
import type { HttpReply } from './support/http-message.ts';
import {
  assertReply,
  play,
  untilHandled,
  type AdapterCase,
  type AdapterSubject,
} from './adapter-subject.ts';

const event = sampleEvents.imageSucceeded;

/** Where deliveries go, and what becomes of requests that are none. */
export const routing: readonly AdapterCase[] = [
  {
    name: 'metadata comes back from among the other parameters of the query',
    async run(subject) {
      const seen: unknown[] = [];
      const onTaskFinished = (_: unknown, { metadata }: { metadata: unknown }) =>
        seen.push(metadata);
      await play(subject, { onTaskFinished }, async ({ receiver, server }) => {
        const url = new URL(await receiver.createCallbackUrl({ metadata: { order: 'ü 42' } }));
        const query = `?first=1&a[]=2&a[]=3&${url.search.slice(1)}&empty&last=%20%26`;
        assertReply(await post(server.url + query, JSON.stringify(event())), 200, 'accepted');
        await new Promise((resolve) => setTimeout(resolve, 20));
        assert.deepEqual(seen, [{ order: 'ü 42' }]);
      });
    },
  },
  {
    name: 'with a slash at the end of the path: taken all the same',
    skip: ({ trailingSlash }) =>
      trailingSlash === 'left' ? 'here that is another path' : undefined,
    run: (subject) =>
      play(subject, {}, async (scene) => {
        assertReply(await deliverWithSlash(scene), 200, 'accepted');
        await untilHandled(scene, 1);
      }),
  },
  {
    name: 'with a slash at the end of the path, where that is another one: 404 from the app',
    skip: ({ trailingSlash }) => (trailingSlash === 'left' ? undefined : 'here it is the same'),
    run: (subject) =>
      play(subject, {}, async (scene) => {
        assert.equal((await deliverWithSlash(scene)).status, 404);
        assert.deepEqual((await scene.receiver.stats()).replies, {});
      }),
  },
  {
    name: 'a receiver without a secret, which takes no deliveries, is not mounted',
    async run(subject) {
      const inbox = createFakeInbox();
      const capabilities = { ...inbox.capabilities, shared: true };
      const worker = createReceiver({ inbox: { ...inbox, capabilities } });
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
    name: 'another route receives its bodies as it does without the adapter',
    skip: ({ serveNeighbour }) => (serveNeighbour ? undefined : 'there are no routes here'),
    async run(subject) {
      const receiver = createReceiver({ secret: TEST_SECRET });
      try {
        const [without, beside] = [
          await answersOfNeighbour(subject, undefined),
          await answersOfNeighbour(subject, receiver),
        ];
        assert.deepEqual(beside, without);
        // It would be alike as well if nothing were parsed on either side.
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

async function deliverWithSlash({
  server,
  callbackUrl,
}: {
  readonly server: { readonly url: string };
  callbackUrl(): Promise<string>;
}): Promise<HttpReply> {
  const url = (await callbackUrl()).replace('?', '/?');
  assert.ok(url.startsWith(`${server.url}/?`));
  return post(url, JSON.stringify(event()));
}

/** Bodies of every kind that a route may have. The first three are understood everywhere. */
const bodies: readonly (readonly [type: string | undefined, body: string | Uint8Array])[] = [
  ['application/json', '{"a":[1,{"b":"ü"}]}'],
  ['application/json; charset=utf-8', JSON.stringify(event())],
  ['text/plain', 'plain {"text"}'],
  ['application/x-www-form-urlencoded', 'a=1&b=%C3%BC'],
  ['application/x-custom', new Uint8Array([0, 1, 128, 255])],
  ['application/x-unknown', 'nobody parses this'],
  ['application/json', '{"a":'],
  ['application/json', '{"__proto__":{"a":1}}'],
  ['application/json', ''],
  ['application/json', `"${'x'.repeat(2 * 1024 * 1024)}"`],
  [undefined, 'no type'],
];

async function answersOfNeighbour(
  { serveNeighbour }: AdapterSubject,
  receiver: Parameters<NonNullable<AdapterSubject['serveNeighbour']>>[0],
): Promise<{ status: number; type: string | undefined; body: string }[]> {
  assert.ok(serveNeighbour);
  const server = await serveNeighbour(receiver);
  try {
    const answers = [];
    for (const [type, body] of bodies) {
      const headers = type === undefined ? {} : { 'content-type': type };
      const reply = await post(server.url, body, headers);
      answers.push({
        status: reply.status,
        type: reply.headers['content-type'],
        body: reply.body,
      });
    }
    return answers;
  } finally {
    await server.close();
  }
}
