import { bullmqInbox } from '@novita-webhooks/inbox-bullmq';
import {
  inboxContract,
  runCase,
  storeContract,
  type InboxSubject,
  type StoreSubject,
} from '@novita-webhooks/core/testing';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, test, vi } from 'vitest';

import { findRedis } from '../../../test/support/services.ts';
import { bullmqStore } from '../src/bullmq-store.ts';
import { toStoreOptions } from '../src/options.ts';
import { createPlace, keysOf, type Place } from './support/place.ts';
import { checkForStalled } from './support/stalled.ts';
import { advance } from './support/time.ts';

const url = await findRedis('the contract of stores and inboxes, by the BullMQ inbox');
const LEASE_MS = 400;
const PATIENCE_MS = 30_000;

describe.skipIf(url === undefined)('the store contract, by the store on BullMQ', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  for (const contractCase of storeContract) {
    test(
      contractCase.name,
      ({ skip }) => {
        const place = createPlace(url ?? '');
        const open = () => openStore(place);
        return runCase(contractCase, open, ({ store }) => close(place, store), skip);
      },
      PATIENCE_MS,
    );
  }
});

describe.skipIf(url === undefined)('the inbox contract, by the BullMQ inbox', () => {
  for (const contractCase of inboxContract) {
    test(
      contractCase.name,
      ({ skip }) => {
        const place = createPlace(url ?? '');
        const open = () => openInbox(place);
        return runCase(contractCase, open, ({ inbox }) => close(place, inbox), skip);
      },
      PATIENCE_MS,
    );
  }
});

function openStore({ prefix, redis }: Place): StoreSubject {
  const store = bullmqStore(toStoreOptions({ connection: url ?? '', prefix }));
  const check = () => checkForStalled(redis, prefix, ['novita', 'other']);
  return { store, advance: (ms) => advance(redis, prefix, ms, check) };
}

function openInbox({ prefix, redis }: Place): InboxSubject {
  const inbox = bullmqInbox({
    connection: url ?? '',
    prefix,
    leaseMs: LEASE_MS,
    pollMs: 100,
  });
  return {
    inbox,
    leaseMs: LEASE_MS,
    advance: async (ms) => {
      await pause(ms);
    },
    async loseLeases() {
      for (const lock of await keysOf(redis, `${prefix}:*:lock`)) {
        await redis.set(lock, 'somebody else', 'KEEPTTL');
      }
    },
  };
}

async function close(place: Place, closeable: { close(): Promise<void> }): Promise<void> {
  await closeable.close();
  await place.remove();
}
