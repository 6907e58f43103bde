import { pollingInbox, type Inbox, type Retention } from '@novita-webhooks/core';
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

  describeInboxContract(inbox, (caseName) => {
    const place = createPlace(url);
    const start = startProcess && { startProcess: () => startProcess(place.prefix) };
    const subject = { ...openInbox(url, place, retentionFor(caseName)), ...start };
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

/** Redis has its own clock, so only the cases of retention may take longer than it. */
function retentionFor(caseName: string): Retention {
  if (caseName.startsWith('retention: ')) return { doneMs: 1000, deadMs: 2000 };
  return { doneMs: 600_000, deadMs: 600_000 };
}

function openInbox(url: string, { prefix, redis }: Place, retention: Retention): InboxSubject {
  const place = { connection: url, prefix, leaseDurationMs: LEASE_MS };
  const open = () =>
    bullmqInbox({ ...place, pollIntervalMs: 100, cleanupIntervalMs: 100, retention });
  return {
    inbox: open(),
    openPeer: open,
    openSleeper: () => openSleeper(place),
    leaseDurationMs: LEASE_MS,
    retention,
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
