import { pollingInbox, type Inbox } from '@novita-webhooks/core';
import { createManualClock, type InboxSubject, type StoreSubject } from '@novita-webhooks/testing';
import { bullmqInbox, type BullmqInboxOptions } from '@novita-webhooks/inbox-bullmq';
import type { ChildProcess } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { assert, vi } from 'vitest';

import {
  describeInboxContract,
  describeStoreContract,
} from '../../../../test/support/describe-contract.ts';
import { bullmqStore } from '../../src/bullmq-store.ts';
import { toStoreOptions } from '../../src/options.ts';
import { createPlace, keysOf, type Place } from './place.ts';
import { checkForStalled } from './stalled.ts';
import { advance } from './time.ts';

const LEASE_MS = 400;
const RETENTION = { doneMs: 1000, deadMs: 2000 };

/**
 * Both contracts, by what is on BullMQ.
 *
 * @param startProcess starts a process that shares the inbox at the prefix
 */
export function describeContracts(
  url: string,
  store: string,
  inbox: string,
  startProcess?: (prefix: string) => ChildProcess,
): void {
  describeStoreContract(store, () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
    const place = createPlace(url);
    const subject = openStore(url, place);
    return {
      subject,
      async close() {
        vi.useRealTimers();
        await subject.store.close();
        await place.remove();
      },
    };
  });

  describeInboxContract(inbox, () => {
    const place = createPlace(url);
    const start = startProcess && { startProcess: () => startProcess(place.prefix) };
    const subject = { ...openInbox(url, place), ...start };
    return {
      subject,
      async close() {
        await subject.inbox.close();
        await place.remove();
      },
    };
  });
}

function openStore(url: string, { prefix, redis }: Place): StoreSubject {
  const store = bullmqStore(toStoreOptions({ connection: url, prefix }));
  const check = () => checkForStalled(redis, prefix, ['novita', 'other']);
  return { store, advance: (ms) => advance(redis, prefix, ms, check) };
}

/** Redis goes by its own clock; the sleeper's stands still, and nothing wakes it up. */
function openSleeper(place: BullmqInboxOptions): Inbox {
  const { subscribe: unheard, ...store } = bullmqStore(toStoreOptions(place));
  assert(unheard);
  return pollingInbox(store, { clock: createManualClock(), leaseDurationMs: LEASE_MS });
}

function openInbox(url: string, { prefix, redis }: Place): InboxSubject {
  const place = { connection: url, prefix, leaseDurationMs: LEASE_MS };
  const open = () =>
    bullmqInbox({ ...place, pollIntervalMs: 100, cleanupIntervalMs: 100, retention: RETENTION });
  return {
    inbox: open(),
    openPeer: open,
    openSleeper: () => openSleeper(place),
    leaseDurationMs: LEASE_MS,
    retention: RETENTION,
    advance: async (ms) => {
      await pause(ms);
    },
    async loseLeases() {
      for (const lock of await keysOf(redis, `${prefix}:*:lock`)) {
        await redis.set(lock, 'another worker', 'KEEPTTL');
      }
    },
  };
}
