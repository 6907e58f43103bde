import {
  createFakeInbox,
  createManualClock,
  inboxContract,
  runCase,
  storeContract,
} from '@novita-webhooks/core/testing';
import { memoryInbox, memoryStore } from '@novita-webhooks/core';
import { describe, test } from 'vitest';

import { createTransactionalStore, type LedgerTx } from './transactional-store.ts';

const LEASE_MS = 30_000;
const RETENTION = { doneMs: 2000, deadMs: 4000 };

describe('the store contract, by the memory store', () => {
  for (const contractCase of storeContract) {
    test(contractCase.name, ({ skip }) => {
      const clock = createManualClock();
      const open = () => ({
        store: memoryStore({ clock }),
        advance: (ms: number) => clock.advance(ms),
      });
      return runCase(contractCase, open, ({ store }) => store.close(), skip);
    });
  }
});

// Not a store to use, but the cases for transactional ones have to be tried on something.
describe('the store contract, by a transactional store', () => {
  for (const contractCase of storeContract) {
    test(contractCase.name, ({ skip }) => {
      const clock = createManualClock();
      const open = () => {
        const store = createTransactionalStore(clock);
        const ledger = {
          write: (tx: unknown, line: string) => (tx as LedgerTx).write(line),
          read: async () => store.lines,
        };
        return { store, ledger, advance: (ms: number) => clock.advance(ms) };
      };
      return runCase(contractCase, open, ({ store }) => store.close(), skip);
    });
  }
});

const inboxes = { 'the memory inbox': memoryInbox, 'the fake inbox': createFakeInbox };

for (const [name, createInbox] of Object.entries(inboxes)) {
  describe(`the inbox contract, by ${name}`, () => {
    for (const contractCase of inboxContract) {
      test(contractCase.name, ({ skip }) => {
        const open = () => {
          const clock = createManualClock();
          const inbox = createInbox({
            clock,
            leaseMs: LEASE_MS,
            purgeMs: 500,
            retention: RETENTION,
          });
          const advance = (ms: number) => clock.advance(ms);
          const thief = 'loseLeases' in inbox ? { loseLeases: inbox.loseLeases as () => void } : {};
          return { inbox, advance, leaseMs: LEASE_MS, retention: RETENTION, ...thief };
        };
        return runCase(contractCase, open, ({ inbox }) => inbox.close(), skip);
      });
    }
  });
}
