import assert from 'node:assert/strict';

import type { Claim, EntryKey, NewEntry, Store } from '@novita-webhooks/core';

import { createTestEntry } from '../../../samples/create-test-entry.ts';
import type { StoreSubject } from '../store-subject.ts';

export const LEASE_MS = 30_000;

/** Adds an entry and claims it with a lease of 30 s. */
export async function addAndClaim(
  store: Store,
  entry: NewEntry = createTestEntry(),
): Promise<Claim> {
  assert.equal(await store.add(entry), 'added');
  return claimOne(store, entry.endpoint);
}

export async function claimOne(store: Store, endpoint = 'novita'): Promise<Claim> {
  const [claim] = await store.claim(endpoint, 1, LEASE_MS);
  assert.ok(claim, 'claim returned no entry');
  return claim;
}

/**
 * Lets the lease of a claim expire and takes the entry over, as another worker does: the first look
 * confirms that the lease has expired, the second one claims.
 */
export async function takeOver(
  { store, advance }: StoreSubject,
  endpoint = 'novita',
): Promise<Claim> {
  await advance(LEASE_MS + 1);
  if (store.capabilities.confirmsTakeover === true) {
    assert.deepEqual(await store.claim(endpoint, 1, LEASE_MS), [], 'one look does not suffice');
    await advance(LEASE_MS / 2 + 1);
  }
  return claimOne(store, endpoint);
}

/** @param why shown if the store returns a claim */
export async function assertNothingToClaim(store: Store, why: string): Promise<void> {
  assert.deepEqual(await store.claim('novita', 10, LEASE_MS), [], why);
}

/** The key alone: a target with more fields must be unchanged. */
export function keyOf({ endpoint, taskId }: EntryKey): EntryKey {
  return { endpoint, taskId };
}
