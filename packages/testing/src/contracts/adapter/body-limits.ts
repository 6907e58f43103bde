import { sampleEvents } from '../../samples/sample-events.ts';
import type { AdapterCase } from './adapter-subject.ts';
import { assertCloses, assertReply } from './support/assert-reply.ts';
import { post } from './support/http-client.ts';
import { endlessBody, stalledBody } from './support/slow-bodies.ts';
import { withAdapter } from './support/with-adapter.ts';

/** Bodies at and over the limits of size and time. */
export const bodyLimitCases: readonly AdapterCase[] = [
  {
    name: 'body limits: a too large content-length gets 413 before the body',
    run: (subject) =>
      withAdapter(subject, { limits: { maxBodyBytes: 1000 } }, async ({ callbackUrl }) => {
        const reply = await post(await callbackUrl(), stalledBody(), { 'content-length': '1001' });
        assertReply(reply, 413, 'body_too_large');
        assertCloses(subject, reply);
      }),
  },
  {
    name: 'body limits: a chunked body over the limit gets 413 before its end',
    run: (subject) =>
      withAdapter(subject, { limits: { maxBodyBytes: 100_000 } }, async ({ callbackUrl }) => {
        const reply = await post(await callbackUrl(), endlessBody());
        assertReply(reply, 413, 'body_too_large');
        assertCloses(subject, reply);
      }),
  },
  {
    name: 'body limits: a body of the limit is accepted, one byte more gets 413',
    async run(subject) {
      const body = JSON.stringify(sampleEvents.imageSucceeded());
      const maxBodyBytes = Buffer.byteLength(body);
      async function* chunked(text: string) {
        yield text;
      }
      await withAdapter(subject, { limits: { maxBodyBytes } }, async ({ callbackUrl }) => {
        const url = await callbackUrl();
        assertReply(await post(url, chunked(`${body} `)), 413, 'body_too_large');
        assertReply(await post(url, chunked(body)), 200, 'accepted');
      });
    },
  },
  {
    name: 'body limits: a stalled body gets 408 after bodyTimeoutMs',
    run: (subject) =>
      withAdapter(subject, { limits: { bodyTimeoutMs: 150 } }, async ({ callbackUrl }) => {
        const reply = await post(await callbackUrl(), stalledBody());
        assertReply(reply, 408, 'body_too_slow');
      }),
  },
];
