import {
  WebhookError,
  type AddAnswer,
  type ClaimRef,
  type NewEntry,
  type Outcome,
} from '@novita-webhooks/core';

import type { Database } from '../client/database.ts';
import { add, type AddResult } from '../operations/add.ts';
import { parseClaimRef } from '../operations/claim-ref.ts';
import { extend, type Extension } from '../operations/extend.ts';
import { replaceSchemaError } from '../operations/replace-schema-error.ts';
import { settle, type Settlement } from '../operations/settle.ts';
import { createBatcher } from './batcher.ts';

/** The frequent writes of a store: concurrent calls share one statement. */
export interface BatchedWrites {
  add(entry: NewEntry): Promise<AddAnswer>;
  extend(claimRef: ClaimRef, leaseDurationMs: number): Promise<boolean>;
  settle(claimRef: ClaimRef, outcome: Outcome): Promise<boolean>;
}

const MAX_ADD_TRIES = 10;

/** @param maxWaitMs how long a call may wait for its batch before it is rejected */
export function createBatchedWrites(database: Database, maxWaitMs: number): BatchedWrites {
  const { query, queryReserved } = database;
  const addBatched = createBatcher<NewEntry, AddResult>({
    maxWaitMs,
    run: (entries) => add(query, entries),
    keyOf: ({ endpoint, taskId }) => `${taskId}\n${endpoint}`,
    sizeOf: ({ body }) => body.length,
  });
  const extendBatched = createBatcher<Extension, boolean>({
    maxWaitMs,
    run: (extensions) => extend(queryReserved, extensions),
    keyOf: ({ id }) => id,
  });
  const settleBatched = createBatcher<Settlement, boolean>({
    maxWaitMs,
    run: (settlements) => settle(query, settlements),
    keyOf: ({ id }) => id,
  });

  return {
    async add(entry) {
      for (let tries = 0; tries < MAX_ADD_TRIES; tries += 1) {
        const added = await addBatched(entry);
        if (added !== 'undecided') return added;
        const replaced = await database.transaction((query) => replaceSchemaError(query, entry));
        if (replaced !== 'undecided') return replaced;
      }
      throw modifiedConcurrently();
    },
    async extend(claimRef, leaseDurationMs) {
      const parsed = parseClaimRef(claimRef);
      return parsed !== undefined && extendBatched({ ...parsed, leaseDurationMs });
    },
    async settle(claimRef, outcome) {
      const parsed = parseClaimRef(claimRef);
      return parsed !== undefined && settleBatched({ ...parsed, outcome });
    },
  };
}

function modifiedConcurrently(): WebhookError {
  return new WebhookError(
    'inbox_unavailable',
    `inbox-postgres: gave up after ${MAX_ADD_TRIES} tries because the entry was modified ` +
      'concurrently. Deliver the event again.',
  );
}
