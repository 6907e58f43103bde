import { createFakeInbox, createManualClock } from '@novita-webhooks/testing';
import { memoryInbox, memoryStore } from '@novita-webhooks/core';

import {
  describeInboxContract,
  describeStoreContract,
} from '../../../test/support/describe-contract.ts';
import { createTransactionalStore, type LedgerTx } from './transactional-store.ts';

const LEASE_MS = 30_000;
const RETENTION = { doneMs: 2000, deadMs: 4000 };

describeStoreContract('memory store', () => {
  const clock = createManualClock();
  const store = memoryStore({ clock });
  return { subject: { store, advance: (ms) => clock.advance(ms) }, close: store.close };
});

// For tests only: it runs the contract cases of transactional stores.
describeStoreContract('transactional test store', () => {
  const clock = createManualClock();
  const store = createTransactionalStore(clock);
  const ledger = {
    write: (tx: unknown, line: string) => (tx as LedgerTx).write(line),
    read: async () => store.lines,
  };
  return { subject: { store, ledger, advance: (ms) => clock.advance(ms) }, close: store.close };
});

const inboxes = { 'memory inbox': memoryInbox, 'fake inbox': createFakeInbox };

for (const [name, createInbox] of Object.entries(inboxes)) {
  describeInboxContract(name, () => {
    const clock = createManualClock();
    const inbox = createInbox({
      clock,
      leaseDurationMs: LEASE_MS,
      cleanupIntervalMs: 500,
      retention: RETENTION,
    });
    const advance = (ms: number) => clock.advance(ms);
    const controls = 'loseLeases' in inbox ? { loseLeases: inbox.loseLeases as () => void } : {};
    const subject = {
      inbox,
      advance,
      leaseDurationMs: LEASE_MS,
      retention: RETENTION,
      ...controls,
    };
    return { subject, close: inbox.close };
  });
}
