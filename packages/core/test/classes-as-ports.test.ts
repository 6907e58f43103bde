import { memoryInbox, pollingInbox, type Store } from '@novita-webhooks/core';
import {
  createManualClock,
  createTestEntry,
  sampleEvents,
  signedDelivery,
} from '@novita-webhooks/testing';
import { expect, test } from 'vitest';

import { setUp } from './helpers.ts';
import { createTransactionalStore, type LedgerTx } from './transactional-store.ts';

/** As if the port were an object of a class: each of its methods needs its `this`. */
function needingThis<Port extends object>(port: Port): Port {
  const methods = Object.entries(port).filter(([, value]) => typeof value === 'function');
  const self: Port = { ...port };
  for (const [name, method] of methods) {
    const checked = function (this: unknown, ...args: unknown[]): unknown {
      if (this !== self) throw new TypeError(`${name} was called without its object`);
      return (method as (...args: unknown[]) => unknown).apply(port, args);
    };
    Object.assign(self, { [name]: checked });
  }
  return self;
}

test('pollingInbox: calls the methods of a store on the store', async () => {
  const clock = createManualClock();
  const lines: string[] = [];
  const transactional = createTransactionalStore(clock);
  const optional = {
    open: () => lines.push('opened'),
    promote: async () => void lines.push('promoted'),
  };
  const store: Store<LedgerTx> = needingThis({ ...transactional, ...optional });
  const inbox = pollingInbox(store, { clock });
  const { receiver, settle } = setUp({ inbox: inbox }, clock);
  receiver.onTaskSucceeded((_, context) =>
    context.transaction((tx) => (tx as LedgerTx).write('paid')),
  );
  await inbox.promote?.(createTestEntry());
  await settle(sampleEvents.imageSucceeded());
  expect([lines, transactional.lines]).toEqual([['opened', 'promoted'], ['paid']]);
});

test('a receiver: calls the methods of an inbox on the inbox', async () => {
  const clock = createManualClock();
  const { receiver } = setUp({ inbox: needingThis(memoryInbox({ clock })) }, clock);
  receiver.onTaskSucceeded(() => undefined);
  const request = await signedDelivery(receiver, sampleEvents.imageSucceeded());
  const reply = receiver.handle(request, { ephemeral: true });
  await clock.flush();
  expect((await reply).status).toBe(200);
});
