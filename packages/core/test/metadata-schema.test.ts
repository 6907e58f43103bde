import {
  createReceiver,
  memoryInbox,
  type JsonObject,
  type ReceiverOptions,
  type StandardSchema,
} from '@novita-webhooks/core';
import {
  createManualClock,
  sampleEvents,
  signedDelivery,
  type ManualClock,
} from '@novita-webhooks/testing';
import { type } from 'arktype';
import * as v from 'valibot';
import { describe, expect, test, vi } from 'vitest';
import * as z from 'zod';

import { deferred, ENDPOINT, SAMPLE_TASK, setUp } from './helpers.ts';

const KEY = { endpoint: 'novita', taskId: SAMPLE_TASK };
const succeeded = sampleEvents.imageSucceeded();

/** As `setUp`, with a schema of any type. */
const setUpWith = (
  metadata: StandardSchema<object, object>,
  options: Partial<ReceiverOptions> = {},
  clock: ManualClock = createManualClock(),
) => setUp({ ...options, metadata: metadata as StandardSchema<object, JsonObject> }, clock);

describe.each([
  ['zod', z.object({ orderId: z.number(), plan: z.string().default('free') })],
  ['valibot', v.object({ orderId: v.number(), plan: v.optional(v.string(), 'free') })],
  ['arktype', type({ orderId: 'number', plan: 'string = "free"' })],
] as const)('metadata with a schema of %s', (_, schema) => {
  test('createCallback: rejects metadata that does not fit, and names the path', async () => {
    const { receiver } = setUpWith(schema);
    const minted = receiver.createCallback({ metadata: { orderId: '42' } });
    await expect(minted).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringMatching(
        /^createCallback: the metadata .* metadata\.orderId: .*number/,
      ) as string,
    });
    const missing = receiver.createCallbackUrl();
    await expect(missing).rejects.toThrow(/metadata\.orderId/);
  });

  test('handlers: get the output of the schema', async () => {
    const onTaskSucceeded = vi.fn();
    const { settle } = setUpWith(schema, { onTaskSucceeded });
    await settle(succeeded, { orderId: 42 });
    expect(onTaskSucceeded.mock.lastCall?.[1]).toMatchObject({
      metadata: { orderId: 42, plan: 'free' },
    });
  });
});

describe('metadata that does not fit the schema of a later release', () => {
  const order = z.object({ order: z.object({ id: z.number() }) });

  /** An event that a receiver without a schema has accepted. */
  async function accept(metadata: JsonObject) {
    const clock = createManualClock();
    const inbox = memoryInbox({ clock });
    await setUp({ inbox }, clock).deliver(succeeded, metadata);
    return { clock, inbox };
  }

  test('makes a dead letter that names the path, and no handler runs', async () => {
    const { clock, inbox } = await accept({ order: { id: 'a' } });
    const handler = vi.fn();
    const onDeadLetter = vi.fn();
    const handlers = { onTaskSucceeded: handler, onTaskFinished: handler, onDeadLetter };
    const { receiver } = setUpWith(order, { inbox, ...handlers }, clock);
    receiver.start();
    await clock.flush();
    const entry = await inbox.get(KEY);
    expect(entry).toMatchObject({ state: 'dead', attempts: 1, succeededHandlers: [] });
    expect(entry?.reason?.match(/metadata\.order\.id: \S/g)).toHaveLength(1);
    expect(entry?.reason).toMatch(/replay the entry\. \(invalid_metadata\)$/);
    expect(handler).not.toHaveBeenCalled();
    expect(onDeadLetter.mock.lastCall?.[0]).toMatchObject({ metadata: { order: { id: 'a' } } });
  });

  test('reaches the handlers by a replay, once the schema accepts it', async () => {
    const { clock, inbox } = await accept({ order: { id: 'a' } });
    const first = setUpWith(order, { inbox, onTaskSucceeded: vi.fn() }, clock);
    first.receiver.start();
    await clock.flush();
    const onTaskSucceeded = vi.fn();
    const accepting = z.object({ order: z.object({ id: z.coerce.string() }) });
    await first.receiver.close();
    setUpWith(accepting, { inbox, onTaskSucceeded }, clock).receiver.start();
    expect(await inbox.replay(KEY)).toBe(true);
    await clock.flush();
    expect(onTaskSucceeded).toHaveBeenCalledOnce();
    expect(await inbox.get(KEY)).toMatchObject({ state: 'done' });
  });
});

describe('metadata with a schema', () => {
  const due = z.object({ due: z.iso.datetime().transform((text) => new Date(text)) });
  const input = { due: '2026-03-01T10:15:00Z' };

  test('is stored as it was minted, and transformed for each handler', async () => {
    const { receiver, settle } = setUpWith(due);
    const seen: unknown[] = [];
    const handler = (_: unknown, { metadata }: { metadata: JsonObject }) => {
      seen.push((metadata['due'] as Date).getUTCFullYear());
      (metadata['due'] as Date).setUTCFullYear(1970);
    };
    receiver.onTaskSucceeded(handler);
    receiver.onTaskFinished(handler);
    await settle(succeeded, input);
    expect(seen).toEqual([2026, 2026]);
    expect(await receiver.inbox.get(KEY)).toMatchObject({ metadata: input });
  });

  test('cannot be changed by the schema', async () => {
    const changing: StandardSchema<object, object> = {
      '~standard': {
        version: 1,
        validate(value) {
          Object.assign(value as object, { changed: true });
          return { value: value as object };
        },
      },
    };
    const { receiver, settle } = setUpWith(changing, { onTaskSucceeded: vi.fn() });
    await settle(succeeded, { orderId: 42 });
    expect(await receiver.inbox.get(KEY)).toMatchObject({
      metadata: { orderId: 42 },
      state: 'done',
    });
    expect((await receiver.inbox.get(KEY))?.metadata).not.toHaveProperty('changed');
  });

  test('is validated before the handlers of progress events, which a fault skips', async () => {
    const onTaskProgress = vi.fn();
    const { receiver, log, clock } = setUpWith(due, { onTaskProgress });
    const minted = setUp({}, clock);
    const queued = sampleEvents.queued();
    await receiver.handle(await signedDelivery(minted.receiver, queued, input));
    await receiver.handle(await signedDelivery(minted.receiver, queued, { due: 'soon' }));
    await clock.flush();
    expect(onTaskProgress).toHaveBeenCalledOnce();
    expect(onTaskProgress.mock.lastCall?.[1]).toMatchObject({
      metadata: { due: expect.any(Date) as Date },
    });
    expect(log.messages('warn')).toEqual(['handlers: onTaskProgress failed']);
  });

  test('is validated in processUnverified: the outcome of a fault is dead', async () => {
    const onTaskSucceeded = vi.fn();
    const { receiver } = setUpWith(due, { onTaskSucceeded });
    await receiver.processUnverified(succeeded, { metadata: input });
    expect(onTaskSucceeded.mock.lastCall?.[1]).toMatchObject({
      metadata: { due: expect.any(Date) as Date },
    });
    const refused = receiver.processUnverified(succeeded, { metadata: { due: 'soon' } });
    await expect(refused).rejects.toMatchObject({
      outcome: { type: 'dead', reason: expect.stringContaining('metadata.due') as string },
    });
    expect(onTaskSucceeded).toHaveBeenCalledOnce();
  });

  test('is an invalid option if it is no schema', () => {
    const metadata = { parse: (value: unknown) => value } as never;
    expect(() => createReceiver({ url: ENDPOINT, insecure: true, metadata })).toThrow(
      /^createReceiver: metadata: must be a schema of zod/,
    );
  });
});

describe('metadata with an asynchronous schema', () => {
  const KNOWN = 42;
  const isKnown = vi.fn(async (id: number) => id === KNOWN);
  /** Unlike a schema of zod, it asks once. */
  const known: StandardSchema<object, object> = {
    '~standard': {
      version: 1,
      async validate(value) {
        const order = value as { orderId: number };
        if (await isKnown(order.orderId)) return { value: order };
        return { issues: [{ message: 'no such order', path: [{ key: 'orderId' }] }] };
      },
    },
  };

  test('is validated by createCallback and before the handlers', async () => {
    const onTaskSucceeded = vi.fn();
    const { receiver, settle } = setUpWith(known, { onTaskSucceeded });
    const minted = receiver.createCallback({ metadata: { orderId: 1 } });
    await expect(minted).rejects.toThrow('metadata.orderId: no such order');
    await settle(succeeded, { orderId: KNOWN });
    expect(onTaskSucceeded.mock.lastCall?.[1]).toMatchObject({ metadata: { orderId: KNOWN } });
  });

  test('counts as a failed attempt if it rejects, which is retried', async () => {
    const onTaskSucceeded = vi.fn();
    const { receiver, settle, clock } = setUpWith(known, { onTaskSucceeded });
    const failing = new Error('the database is down');
    isKnown.mockResolvedValueOnce(true).mockRejectedValueOnce(failing);
    await settle(succeeded, { orderId: KNOWN });
    expect(await receiver.inbox.get(KEY)).toMatchObject({
      state: 'pending',
      reason: expect.stringContaining('the database is down') as string,
    });
    await clock.advance(10_000);
    expect(onTaskSucceeded).toHaveBeenCalledOnce();
    isKnown.mockRejectedValueOnce(failing);
    await expect(receiver.createCallback({ metadata: { orderId: KNOWN } })).rejects.toBe(failing);
  });

  test('is within the timeout of the handler, which does not run after it', async () => {
    const onTaskSucceeded = vi.fn();
    const options = { onTaskSucceeded, handlers: { timeoutMs: 1000 } };
    const { receiver, settle, clock } = setUpWith(known, options);
    const answer = deferred<boolean>();
    isKnown.mockResolvedValueOnce(true).mockReturnValueOnce(answer.promise);
    await settle(succeeded, { orderId: KNOWN });
    await clock.advance(1000);
    answer.resolve(true);
    await clock.flush();
    expect(onTaskSucceeded).not.toHaveBeenCalled();
    expect(await receiver.inbox.get(KEY)).toMatchObject({
      reason: expect.stringContaining('handler_timeout') as string,
    });
  });
});
