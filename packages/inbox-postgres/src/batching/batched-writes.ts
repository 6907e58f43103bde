import { WebhookError, type ClaimRef, type NewEntry, type Outcome } from '@novita-webhooks/core';

import { createBatcher } from './batcher.ts';
import type { Database } from '../client/database.ts';
import { add, type Added } from '../operations/add.ts';
import { extend, type Extension } from '../operations/extend.ts';
import { fromClaimRef } from '../operations/claim-ref.ts';
import { giveWay } from '../operations/replace-schema-error.ts';
import { settle, type Settlement } from '../operations/settle.ts';

/** What there is much of at a time, many of them in one statement. */
export interface Writer {
  add(entry: NewEntry): Promise<'added' | 'duplicate'>;
  extend(claimRef: ClaimRef, leaseDurationMs: number): Promise<boolean>;
  settle(claimRef: ClaimRef, outcome: Outcome): Promise<boolean>;
}

/** More than anybody could get in between. */
const TRIES = 10;

/** @param patienceMs after that whoever waits for their turn is refused */
export function createWriter(database: Database, patienceMs: number): Writer {
  const { query, queryAside } = database;
  const addOne = createBatcher<NewEntry, Added>({
    patienceMs,
    run: (entries) => add(query, entries),
    keyOf: ({ endpoint, taskId }) => `${taskId}\n${endpoint}`,
    sizeOf: ({ body }) => body.length,
  });
  const extendOne = createBatcher<Extension, boolean>({
    patienceMs,
    run: (extensions) => extend(queryAside, extensions),
    keyOf: ({ id }) => id,
  });
  const settleOne = createBatcher<Settlement, boolean>({
    patienceMs,
    run: (settlements) => settle(query, settlements),
    keyOf: ({ id }) => id,
  });

  return {
    async add(entry) {
      for (let tries = 0; tries < TRIES; tries += 1) {
        const added = await addOne(entry);
        if (added !== 'unsure') return added;
        const replaced = await database.transaction((query) => giveWay(query, entry));
        if (replaced !== 'unsure') return replaced;
      }
      throw new WebhookError('inbox_unavailable', 'PostgreSQL: an entry changes all the time');
    },
    async extend(claimRef, leaseDurationMs) {
      const held = fromClaimRef(claimRef);
      return held !== undefined && extendOne({ ...held, leaseDurationMs });
    },
    async settle(claimRef, outcome) {
      const held = fromClaimRef(claimRef);
      return held !== undefined && settleOne({ ...held, outcome });
    },
  };
}
