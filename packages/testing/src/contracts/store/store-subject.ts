import assert from 'node:assert/strict';

import type { Claim, Entry, NewEntry, Outcome, Store } from '@novita-webhooks/core';
import type { ContractCase } from '../contract-case.ts';
import { createTestEntry } from '../../samples/create-test-entry.ts';

/** A store under test, empty, with a hand on its clock. */
export interface StoreSubject {
  readonly store: Store;
  /** Lets time go by for the store: its clock, or the times in its rows. */
  advance(ms: number): Promise<void>;
  /** For transactional stores: a table of lines in the same database. */
  readonly ledger?: {
    /** Writes a line through what a transaction handed over. */
    write(tx: unknown, line: string): void | Promise<void>;
    /** All lines, the oldest first. */
    read(): Promise<readonly string[]>;
  };
}

export const MINUTE = 60_000;
export const LEASE = 30_000;

export async function addAndClaim(
  store: Store,
  entry: NewEntry = createTestEntry(),
): Promise<Claim> {
  assert.equal(await store.add(entry), 'added');
  return claimOne(store, entry.endpoint);
}

export async function claimOne(store: Store, endpoint = 'novita'): Promise<Claim> {
  const [claim] = await store.claim(endpoint, 1, LEASE);
  assert.ok(claim, 'there should be something to claim');
  return claim;
}

export async function claimNothing(store: Store, why: string): Promise<void> {
  assert.deepEqual(await store.claim('novita', 10, LEASE), [], why);
}

export async function stateOf(store: Store, key: NewEntry): Promise<Entry['state'] | undefined> {
  return (await store.get(key))?.state;
}

export const again: Extract<Outcome, { type: 'retry' }> = {
  type: 'retry',
  delayMs: MINUTE,
  reason: 'it failed',
  succeededHandlers: ['one'],
};
export const dead: Extract<Outcome, { type: 'dead' }> = {
  type: 'dead',
  reason: 'it cannot work',
  succeededHandlers: ['one'],
};
export const released: Extract<Outcome, { type: 'released' }> = {
  type: 'released',
  delayMs: 0,
  succeededHandlers: ['one'],
};

export type StoreCase = ContractCase<StoreSubject>;
