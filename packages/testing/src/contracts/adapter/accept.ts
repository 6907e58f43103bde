import assert from 'node:assert/strict';

import { sampleEvents } from '../../samples/sample-events.ts';
import type { AdapterCase } from './adapter-subject.ts';
import { assertReply } from './support/assert-reply.ts';
import { post } from './support/http-client.ts';
import { untilHandled, wait, withAdapter } from './support/with-adapter.ts';

const event = sampleEvents.imageSucceeded;

/** Deliveries that are answered 200. */
export const acceptCases: readonly AdapterCase[] = [
  {
    name: 'accept: a delivery is handled once, its copy answered as a duplicate',
    run: (subject) =>
      withAdapter(subject, {}, async (fixture) => {
        assertReply(await fixture.deliver(event({ taskId: 'one' })), 200, 'accepted');
        await untilHandled(fixture, 1);
        assertReply(await fixture.deliver(event({ taskId: 'one' })), 200, 'duplicate');
        assert.deepEqual(fixture.handled, ['one']);
      }),
  },
  {
    name: 'accept: a body without a content type is parsed as JSON',
    run: (subject) =>
      withAdapter(subject, {}, async (fixture) => {
        const reply = await post(await fixture.callbackUrl(), JSON.stringify(event()));
        assertReply(reply, 200, 'accepted');
        await untilHandled(fixture, 1);
      }),
  },
  {
    name: 'accept: 50 concurrent copies are all answered 200 and handled once',
    run: (subject) =>
      withAdapter(subject, {}, async (fixture) => {
        const copies = Array.from({ length: 50 }, () => fixture.deliver(event({ taskId: 'same' })));
        for (const { status } of await Promise.all(copies)) assert.equal(status, 200);
        await untilHandled(fixture, 1);
        await wait(20);
        assert.deepEqual(fixture.handled, ['same']);
      }),
  },
  {
    name: 'accept: after a reply, no later middleware or error handler runs',
    run: (subject) =>
      withAdapter(subject, {}, async (fixture) => {
        await fixture.deliver(event());
        await fixture.deliver({});
        await post(fixture.server.url, '');
        await wait(20);
        assert.equal(fixture.server.passedOn(), 0);
      }),
  },
  {
    name: 'accept: when closed under load, the inbox holds every event answered 200',
    run: (subject) =>
      withAdapter(subject, {}, async (fixture) => {
        const acknowledged: string[] = [];
        const deliveries = Array.from({ length: 200 }, async (_, index) => {
          const taskId = `task-${index}`;
          const { status } = await fixture.deliver(event({ taskId }));
          assert.ok(status === 200 || status === 503, `status ${status}`);
          if (status === 200) acknowledged.push(taskId);
        });
        await Promise.race(deliveries);
        await fixture.receiver.close({ gracePeriodMs: 1000 });
        await Promise.all(deliveries);
        for (const taskId of acknowledged) {
          assert.ok(await fixture.receiver.inbox.get({ endpoint: 'novita', taskId }), taskId);
        }
      }),
  },
];
