import {
  createReceiver,
  memoryInbox,
  pollingInbox,
  systemClock,
  toFetchHandler,
  toLambdaHandler,
  toReceiver,
  type HandlerContext,
  type Inbox,
  type JsonObject,
  type Receiver,
  type ReceiverOptions,
  type TaskHandler,
} from '@novita-webhooks/core';
import { toNodeHandler } from '@novita-webhooks/core/node';
import { expect, expectTypeOf, test } from 'vitest';

import { createTransactionalStore, type LedgerTx } from './transactional-store.ts';

// Type tests: `tsc --noEmit` fails if one of them is wrong.

const inbox = pollingInbox(createTransactionalStore(systemClock));
const isLedger = (tx: LedgerTx) => expectTypeOf(tx).toEqualTypeOf<LedgerTx>();

test('context.transaction: has the type of the transactions of the inbox', () => {
  expectTypeOf(inbox).toEqualTypeOf<Inbox<LedgerTx>>();
  const receiver = createReceiver({ insecure: true, inbox });
  expectTypeOf(receiver).toEqualTypeOf<Receiver<JsonObject, LedgerTx>>();
  receiver.onTaskSucceeded(async (_, context) => {
    const value = await context.transaction((tx) => {
      expectTypeOf(tx).toEqualTypeOf<LedgerTx>();
      return 42;
    });
    expectTypeOf(value).toEqualTypeOf<number>();
  });
  receiver.onTaskFailed({ handlerName: 'refund' }, (_, context) =>
    context.transaction(async (tx) => expectTypeOf(tx).toEqualTypeOf<LedgerTx>()),
  );
  expect(receiver.inbox).toBe(inbox);
});

test('context.transaction: has that type in handlers that are options', () => {
  const onTaskSucceeded: TaskHandler<JsonObject, LedgerTx> = (_, context) =>
    context.transaction(isLedger);
  const receiver = createReceiver({
    insecure: true,
    inbox,
    onTaskSucceeded,
    onTaskFailed: (_, context) =>
      context.transaction((tx) => expectTypeOf(tx).toEqualTypeOf<LedgerTx>()),
  });
  expectTypeOf(receiver).toEqualTypeOf<Receiver<JsonObject, LedgerTx>>();
  const onTaskFinished: TaskHandler = (_, context) => context.attempt; // for any transaction type
  expectTypeOf(createReceiver({ insecure: true, inbox, onTaskFinished })).toEqualTypeOf<
    Receiver<JsonObject, LedgerTx>
  >();
});

test('context.transaction: has that type in inline options of the adapters', () => {
  const onTaskSucceeded: TaskHandler<JsonObject, LedgerTx> = (_, context) =>
    context.transaction(isLedger);
  const options = { insecure: true, inbox, onTaskSucceeded } as const;
  expectTypeOf(toReceiver(options)).toEqualTypeOf<Receiver<JsonObject, LedgerTx>>();
  const handlers = [toFetchHandler(options), toLambdaHandler(options)];
  const handler = toNodeHandler({
    insecure: true,
    inbox,
    onTaskSucceeded: (_, context) =>
      context.transaction((tx) => expectTypeOf(tx).toEqualTypeOf<LedgerTx>()),
  });
  expect([...handlers, handler]).toHaveLength(3);
});

test('context.transaction: has the type unknown without transactions', () => {
  createReceiver({
    insecure: true,
    inbox: memoryInbox(),
    onTaskSucceeded: (_, context) =>
      context.transaction((tx) => expectTypeOf(tx).toEqualTypeOf<unknown>()),
  });
  const receiver = createReceiver({ insecure: true });
  expectTypeOf(receiver).toEqualTypeOf<Receiver>();
  // @ts-expect-error: the memory inbox has no ledger transactions
  const ledger: Inbox<LedgerTx> = memoryInbox();
  expect(ledger.capabilities.transactional).toBe(false);
});

test('Receiver, Inbox, HandlerContext: are assignable to their default types', () => {
  expectTypeOf<Receiver<JsonObject, LedgerTx>>().toExtend<Receiver>();
  expectTypeOf<Inbox<LedgerTx>>().toExtend<Inbox>();
  expectTypeOf<HandlerContext<JsonObject, LedgerTx>>().toExtend<HandlerContext>();
  expectTypeOf<TaskHandler>().toExtend<TaskHandler<JsonObject, LedgerTx>>();
  expectTypeOf<{ readonly insecure: true; readonly inbox: Inbox<LedgerTx> }>().toExtend<ReceiverOptions>(); // prettier-ignore
  expectTypeOf(toFetchHandler).toBeCallableWith({} as Receiver<JsonObject, LedgerTx>);
  expectTypeOf(toLambdaHandler).toBeCallableWith({} as Receiver<JsonObject, LedgerTx>);
  expectTypeOf(toNodeHandler).toBeCallableWith({} as Receiver<JsonObject, LedgerTx>);
});
