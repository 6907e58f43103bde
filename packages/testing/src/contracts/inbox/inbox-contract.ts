import { entryContract } from '../entry/entry-contract.ts';
import { casesFor } from '../entry/entry-subject.ts';
import { consuming } from './consume.ts';
import { leasing } from './lease.ts';
import { operating } from './replay.ts';
import { retaining } from './retention.ts';
import { settling } from './settle.ts';
import { sharing } from './shared.ts';
import { sleeping } from './lease-expiry.ts';
import { stopping } from './stop.ts';
import type { InboxCase, InboxSubject } from './inbox-subject.ts';

/** What every `Inbox` has to do. The subject of each case is an inbox of its own. */
export const inboxContract: readonly InboxCase[] = [
  ...casesFor(entryContract, ({ inbox }: InboxSubject) => inbox),
  ...consuming,
  ...settling,
  ...leasing,
  ...stopping,
  ...operating,
  ...retaining,
  ...sharing,
  ...sleeping,
].map((one) => ({
  ...one,
  skip: (subject) =>
    subject.inbox.capabilities.addOnly
      ? 'the inbox only adds: addOnlyContract says what it has to keep'
      : one.skip?.(subject),
}));
