import { entryContract } from '../entry/index.ts';
import { casesFor } from '../entry/subject.ts';
import { consuming } from './consuming.ts';
import { leasing } from './leasing.ts';
import { operating } from './operating.ts';
import { retaining } from './retaining.ts';
import { settling } from './settling.ts';
import { sharing } from './sharing.ts';
import { sleeping } from './sleeping.ts';
import { stopping } from './stopping.ts';
import type { InboxCase, InboxSubject } from './subject.ts';

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
