import { entryContract } from '../entry/entry-contract.ts';
import { toContractCases } from '../entry/entry-port.ts';
import { queryCases } from '../entry/query.ts';
import { addCases } from './add.ts';
import { actOnManyCases } from './act-on-many.ts';
import { clockJumpCases } from './clock-jumps.ts';
import { consumeCases } from './consume.ts';
import { discardCases } from './discard.ts';
import type { InboxCase, InboxSubject } from './inbox-subject.ts';
import { keyCases } from './key.ts';
import { killedOperationCases } from './killed-operations.ts';
import { leaseExpiryCases } from './lease-expiry.ts';
import { leaseCases } from './lease.ts';
import { listCases } from './list.ts';
import { operateCases } from './operate.ts';
import { processCases } from './processes.ts';
import { replayCases } from './replay.ts';
import { retentionCases } from './retention.ts';
import { schemaErrorCases } from './schema-error.ts';
import { settleCases } from './settle.ts';
import { sharedCases } from './shared.ts';
import { statsCases } from './stats.ts';
import { stopCases } from './stop.ts';
import { transferCases } from './transfer.ts';
import { addAndSettle } from './support/start-consumer.ts';
import { withCleanUp } from './support/with-clean-up.ts';

/**
 * What every `Inbox` must do: one case per requirement. Each case needs a fresh, empty inbox. All
 * cases are skipped for inboxes of `addOnlyInbox`: `addOnlyContract` is their contract.
 *
 * @example
 * for (const contractCase of inboxContract) {
 *   test(contractCase.name, ({ skip }) => runCase(contractCase, openSubject, closeSubject, skip));
 * }
 */
export const inboxContract: readonly InboxCase[] = [
  ...toContractCases(entryContract, ({ inbox }: InboxSubject) => inbox),
  ...consumeCases,
  ...settleCases,
  ...schemaErrorCases,
  ...leaseCases,
  ...stopCases,
  ...replayCases,
  ...discardCases,
  ...listCases,
  ...queryCases({ portOf: ({ inbox }: InboxSubject) => inbox, addAndSettle }),
  ...addCases,
  ...keyCases,
  ...operateCases,
  ...actOnManyCases,
  ...transferCases,
  ...statsCases,
  ...retentionCases,
  ...sharedCases,
  ...leaseExpiryCases,
  ...clockJumpCases,
  ...processCases,
  ...killedOperationCases,
].map((contractCase) => ({
  ...withCleanUp(contractCase),
  skip: (subject) =>
    subject.inbox.capabilities.addOnly
      ? 'the inbox is add-only: use addOnlyContract'
      : contractCase.skip?.(subject),
}));
