import {
  createReceiver,
  pollingInbox,
  systemClock,
  toFetchHandler,
  toLambdaHandler,
  toReceiver,
  type HandlerContext,
  type JsonObject,
  type Receiver,
  type StandardSchema,
} from '@novita-webhooks/core';
import { toNodeHandler, type handleNodeRequest } from '@novita-webhooks/core/node';
import { type } from 'arktype';
import * as v from 'valibot';
import { expect, expectTypeOf, test } from 'vitest';
import * as z from 'zod';

import { createTransactionalStore, type LedgerTx } from './transactional-store.ts';

// Type tests: `tsc --noEmit` fails if one of them is wrong.

interface Order {
  readonly orderId: number;
}

const url = 'https://hooks.example.com/novita';
const secret = 'a secret for tests, 32 characters or more';
const logger = false as const;

test('metadata: is a JSON object by default, and any object can be minted', async () => {
  const receiver = createReceiver({ url, secret, logger });
  expectTypeOf(receiver).toEqualTypeOf<Receiver>();
  receiver.onTaskSucceeded((_, { metadata }) => expectTypeOf(metadata).toEqualTypeOf<JsonObject>());
  await receiver.createCallback();
  const order: Order = { orderId: 1 };
  await receiver.createCallback({ metadata: order });
});

test('metadata: has the type argument of createReceiver', async () => {
  const receiver = createReceiver<Order>({
    ...{ url, secret, logger },
    onTaskSucceeded: (_, { metadata }) => expectTypeOf(metadata.orderId).toEqualTypeOf<number>(),
  });
  expectTypeOf(receiver).toEqualTypeOf<Receiver<Order>>();
  receiver.onTaskFailed({ media: 'images' }, (_, { metadata }) =>
    expectTypeOf(metadata).toEqualTypeOf<Order>(),
  );
  await receiver.createCallback({ metadata: { orderId: 42 } });
  await receiver.createCallbackUrl({ metadata: { orderId: 42 }, expiresInMs: 1000 });
  // @ts-expect-error: a text is no number
  await receiver.createCallback({ metadata: { orderId: '42' } });
  // @ts-expect-error: orderId is required
  await receiver.createCallback({ testMode: 'TASK_STATUS_SUCCEED' });
  // @ts-expect-error: so the argument is required too
  await receiver.createCallbackUrl();
});

test('metadata: can be left out if no member is required', async () => {
  const receiver = createReceiver<{ readonly note?: string }>({ url, secret, logger });
  await receiver.createCallback();
  await receiver.createCallbackUrl({ expiresInMs: 1000 });
  await receiver.createCallback({ metadata: { note: 'hello' } });
  // @ts-expect-error: a number is no text
  await receiver.createCallback({ metadata: { note: 1 } });
});

/** Mints with the input of a schema; handlers get its output. */
const zodOrder = z.object({ orderId: z.number(), plan: z.string().default('free') });
const valibotOrder = v.object({ orderId: v.number(), plan: v.optional(v.string(), 'free') });
const arktypeOrder = type({ orderId: 'number', plan: 'string = "free"' });
interface Output {
  orderId: number;
  plan: string;
}

test('metadata: has the output type of a schema of zod', async () => {
  const receiver = createReceiver({
    ...{ url, secret, logger, metadata: zodOrder },
    onTaskSucceeded: (_, { metadata }) => expectTypeOf(metadata).toEqualTypeOf<Output>(),
    onTaskProgress(_, context) {
      expectTypeOf(context.metadata.plan).toEqualTypeOf<string>();
    },
  });
  receiver.onTaskFinished((_, { metadata }) => expectTypeOf(metadata).toEqualTypeOf<Output>());
  await receiver.createCallback({ metadata: { orderId: 42 } });
  await receiver.processUnverified('{"event_type":"OTHER"}', { metadata: { orderId: 42 } });
  // @ts-expect-error: orderId is required
  await receiver.processUnverified('{"event_type":"OTHER"}', {});
  // @ts-expect-error: no such member
  await receiver.createCallback({ metadata: { orderId: 42, order: 42 } });
});

test('metadata: has the output type of a schema of valibot', async () => {
  const receiver = createReceiver({ url, secret, logger, metadata: valibotOrder });
  receiver.onTaskFailed((_, { metadata }) => expectTypeOf(metadata).toEqualTypeOf<Output>());
  await receiver.createCallback({ metadata: { orderId: 42 } });
});

test('metadata: has the output type of a schema of arktype', async () => {
  const receiver = createReceiver({ url, secret, logger, metadata: arktypeOrder });
  receiver.onTaskFailed((_, { metadata }) => expectTypeOf(metadata).toEqualTypeOf<Output>());
  await receiver.createCallback({ metadata: { orderId: 42 } });
});

test('metadata: keeps the type of the transactions of the inbox', () => {
  const inbox = pollingInbox(createTransactionalStore(systemClock));
  const receiver = createReceiver({ url, secret, logger, inbox, metadata: zodOrder });
  receiver.onTaskSucceeded((_, context) =>
    context.transaction((tx) => expectTypeOf(tx).toEqualTypeOf<LedgerTx>()),
  );
  expectTypeOf(createReceiver<Order, LedgerTx>({ url, secret, logger, inbox })).toEqualTypeOf<
    Receiver<Order, LedgerTx>
  >();
  const worker = createReceiver<Order>({ url, secret, logger, inbox });
  expectTypeOf(worker).toEqualTypeOf<Receiver<Order>>();
});

test('metadata: the schema must be one of objects', () => {
  // @ts-expect-error: metadata is an object
  createReceiver({ url, secret, logger, metadata: z.string() });
  // @ts-expect-error: a function is no schema
  expect(() => createReceiver({ url, secret, logger, metadata: () => true })).toThrow(/schema/);
});

test('metadata: receivers of every type fit the adapters', () => {
  const receiver = {} as Receiver<Order, LedgerTx>;
  expectTypeOf(receiver).toExtend<Receiver<object>>();
  expectTypeOf<HandlerContext<Order>>().toExtend<HandlerContext<object>>();
  expectTypeOf(toReceiver).toBeCallableWith(receiver, '/hooks');
  expectTypeOf(toFetchHandler).toBeCallableWith(receiver);
  expectTypeOf(toFetchHandler).toBeCallableWith(() => receiver);
  expectTypeOf(toLambdaHandler).toBeCallableWith(receiver);
  expectTypeOf(toNodeHandler).toBeCallableWith(receiver);
  expectTypeOf<typeof receiver>().toExtend<Parameters<typeof handleNodeRequest>[0]>();
  const options = {
    ...{ secret, logger, metadata: zodOrder },
    onTaskSucceeded: (_: unknown, { metadata }: HandlerContext<Output>) => metadata.plan,
  } as const;
  expectTypeOf(toReceiver(options)).toExtend<Receiver<Output>>();
  expect([toFetchHandler(options), toLambdaHandler(options), toNodeHandler(options)]).toHaveLength(
    3,
  );
  toFetchHandler({
    ...{ secret, logger, metadata: zodOrder },
    onTaskSucceeded: (_, { metadata }) => expectTypeOf(metadata).toEqualTypeOf<Output>(),
  });
});

test('StandardSchema: schemas of the libraries fit it', () => {
  expectTypeOf(zodOrder).toExtend<StandardSchema<Order, Output>>();
  expectTypeOf(valibotOrder).toExtend<StandardSchema<Order, Output>>();
  expectTypeOf(arktypeOrder).toExtend<StandardSchema<Order, Output>>();
});
