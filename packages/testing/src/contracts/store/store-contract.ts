import { entryContract } from '../entry/entry-contract.ts';
import { toContractCases, toEntryPort } from '../entry/entry-port.ts';
import { queryCases } from '../entry/query.ts';
import { addCases } from './add.ts';
import { attemptLogCases } from './attempt-log.ts';
import { claimCases } from './claim.ts';
import { damageCases } from './damage.ts';
import { deleteExpiredCases } from './delete-expired.ts';
import { discardCases } from './discard.ts';
import { extendCases } from './extend.ts';
import { listCases } from './list.ts';
import { nextDueCases } from './next-due.ts';
import { promoteCases } from './promote.ts';
import { recordSucceededCases } from './record-succeeded.ts';
import { replayOptionCases } from './replay-options.ts';
import { replayCases } from './replay.ts';
import { restoreCases } from './restore.ts';
import { schemaErrorCases } from './schema-error.ts';
import { settleCases } from './settle.ts';
import { statsCases } from './stats.ts';
import type { StoreCase, StoreSubject } from './store-subject.ts';
import { takeoverCases } from './takeover.ts';
import { addAndClaim } from './support/claims.ts';
import { transactionCases } from './transaction.ts';

/**
 * What every `Store` must do: one case per requirement. Each case needs a fresh, empty store.
 *
 * @example
 * for (const contractCase of storeContract) {
 *   test(contractCase.name, ({ skip }) => runCase(contractCase, openSubject, closeSubject, skip));
 * }
 */
export const storeContract: readonly StoreCase[] = [
  ...toContractCases(entryContract, ({ store }: StoreSubject) => toEntryPort(store)),
  ...addCases,
  ...schemaErrorCases,
  ...claimCases,
  ...extendCases,
  ...nextDueCases,
  ...takeoverCases,
  ...damageCases,
  ...settleCases,
  ...recordSucceededCases,
  ...transactionCases,
  ...queryCases({
    portOf: ({ store }: StoreSubject) => toEntryPort(store),
    addAndSettle: async ({ store }, outcome, entry) =>
      store.settle(await addAndClaim(store, entry), outcome),
  }),
  ...attemptLogCases,
  ...replayCases,
  ...replayOptionCases,
  ...restoreCases,
  ...discardCases,
  ...promoteCases,
  ...listCases,
  ...statsCases,
  ...deleteExpiredCases,
];
