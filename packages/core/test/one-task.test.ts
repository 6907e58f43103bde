import {
  createReceiver,
  memoryStore,
  pollingInbox,
  type Receiver,
  type ReceiverOptions,
  type TaskResultClient,
} from '@novita-webhooks/core';
import { delivery, sampleEvents, TEST_SECRET } from '@novita-webhooks/testing';
import { afterEach, describe, expect, test, vi } from 'vitest';

import { toBase64Url } from '../src/shared/base64url.ts';
import { codeOf, createGauge, ENDPOINT, setUp } from './helpers.ts';

const eventOf = (taskId: string) => sampleEvents.imageSucceeded({ taskId });
const post = (receiver: Receiver, url: string, taskId: string) =>
  receiver.handle(delivery(url, eventOf(taskId)));

describe('a callback URL for one task', () => {
  test('belongs to the first task: a result of another one is refused and reaches no handler', async () => {
    const { receiver, log, clock } = setUp();
    const handled: string[] = [];
    receiver.onTaskSucceeded(({ task }) => void handled.push(task.task_id));
    receiver.start();
    const { url } = await receiver.createCallback({ oneTask: true });
    expect(codeOf(await post(receiver, url, 'first'))).toBe('accepted');
    const refused = await post(receiver, url, 'second');
    await clock.flush();
    expect(refused).toEqual(await receiver.handle(delivery(`${ENDPOINT}?token=x`, {})));
    expect(refused.status).toBe(401);
    expect(codeOf(await post(receiver, url, 'first'))).toBe('duplicate');
    expect(handled).toEqual(['first']);
    expect((await receiver.inbox.list()).entries).toHaveLength(1);
    expect((await receiver.stats()).refusedTokens).toEqual({ other_task: 1, malformed: 1 });
    expect(receiver.refusedDeliveries().map(({ token }) => token)).toEqual([
      'malformed',
      'other_task',
    ]);
    expect(log.lines).toContainEqual({
      level: 'warn',
      details: { token: 'other_task', taskId: 'second' },
      message: expect.stringMatching(/belongs to another task.*without oneTask/) as string,
    });
  });

  test('of concurrent tasks one is accepted, also with ack: handled', async () => {
    for (const ack of ['accepted', 'handled'] as const) {
      const receiver = createReceiver({ url: ENDPOINT, secret: TEST_SECRET, logger: false, ack });
      const gauge = createGauge();
      receiver.onTaskSucceeded(gauge.count(() => undefined));
      receiver.start();
      const { url } = await receiver.createCallback({ oneTask: true });
      const replies = await Promise.all(
        Array.from({ length: 10 }, (_, index) => post(receiver, url, `task-${index}`)),
      );
      await receiver.idle();
      expect(replies.filter(({ status }) => status === 200)).toHaveLength(1);
      expect(gauge.runs()).toBe(1);
      await receiver.close();
    }
  });

  test('without oneTask, one URL serves many tasks', async () => {
    const { receiver } = setUp();
    const { url } = await receiver.createCallback();
    for (const taskId of ['one', 'two']) {
      expect(codeOf(await post(receiver, url, taskId))).toBe('accepted');
    }
  });

  test('the claim is signed: a token without it is another token', async () => {
    const { receiver } = setUp();
    const { url } = await receiver.createCallback({ oneTask: true });
    const [version, key, claims = '', mac] = (new URL(url).searchParams.get('token') ?? '').split(
      '.',
    );
    const { o, ...rest } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { o: true };
    expect(o).toBe(true);
    const reusable = toBase64Url(Buffer.from(JSON.stringify(rest)));
    const forged = `${ENDPOINT}?token=${[version, key, reusable, mac].join('.')}`;
    expect((await post(receiver, forged, 'first')).status).toBe(401);
  });

  test('an inbox that cannot bind tokens accepts other tasks', async () => {
    const { bindsTokens, ...capabilities } = memoryStore().capabilities;
    expect(bindsTokens).toBe(true);
    const store = memoryStore();
    const add = vi.fn((entry: Parameters<typeof store.add>[0]) =>
      store.add({ ...entry, tokenId: null }),
    );
    const { receiver } = setUp({ inbox: pollingInbox({ ...store, capabilities, add }) });
    const { url } = await receiver.createCallback({ oneTask: true });
    expect(codeOf(await post(receiver, url, 'one'))).toBe('accepted');
    expect(codeOf(await post(receiver, url, 'two'))).toBe('accepted');
    expect(add.mock.calls[0]?.[0].tokenId).toMatch(/^once:[\w-]{20}$/);
  });

  test('oneTask needs a token', async () => {
    const { receiver } = setUp({ insecure: true });
    await expect(receiver.createCallback({ oneTask: true })).rejects.toThrow(
      /oneTask need a token/,
    );
  });
});

const closers: Receiver[] = [];
afterEach(async () => {
  for (const receiver of closers.splice(0)) await receiver.close();
});

function start(options: Partial<ReceiverOptions> = {}) {
  const found = setUp(options);
  closers.push(found.receiver);
  return found;
}

describe('the callback URL of submit()', () => {
  test('is the only one that may bring the result, also without oneTask', async () => {
    const { receiver } = start();
    const leaked = await receiver.createCallback();
    let own = '';
    await receiver.submit(
      (webhook) => {
        own = webhook?.url ?? '';
        return { task_id: 'mine' };
      },
      { metadata: { orderId: 42 } },
    );
    expect((await post(receiver, leaked.url, 'mine')).status).toBe(401);
    expect(await receiver.inbox.get({ endpoint: 'novita', taskId: 'mine' })).toMatchObject({
      state: 'expected',
    });
    expect(codeOf(await post(receiver, own, 'mine'))).toBe('accepted');
    expect(codeOf(await post(receiver, own, 'other')), 'without oneTask').toBe('accepted');
  });

  test('with oneTask, is refused for another task before its own result arrives', async () => {
    const { receiver } = start();
    let own = '';
    await receiver.submit(
      (webhook) => {
        own = webhook?.url ?? '';
        return { task_id: 'mine' };
      },
      { oneTask: true },
    );
    expect((await post(receiver, own, 'other')).status).toBe(401);
    expect(codeOf(await post(receiver, own, 'mine'))).toBe('accepted');
    expect((await post(receiver, own, 'other')).status).toBe(401);
  });

  test('if another task came with it first, the task is still awaited, with a warning', async () => {
    const taskResults: TaskResultClient = {
      get: () => expect.unreachable('the sweep reads payloads'),
      getPayload: async (taskId) => eventOf(taskId).payload,
    };
    const { receiver, log, clock } = start({ taskResults });
    const handled: string[] = [];
    receiver.onTaskSucceeded(({ task }) => void handled.push(task.task_id));
    await receiver.submit(
      async (webhook) => {
        expect((await post(receiver, webhook?.url ?? '', 'other')).status).toBe(200);
        return { task_id: 'mine' };
      },
      { oneTask: true },
    );
    expect(log.messages('warn').join('\n')).toMatch(/another task came first/);
    receiver.start();
    await clock.advance(60_000);
    expect(handled.toSorted()).toEqual(['mine', 'other']);
  });
});
