import { consuming } from './consuming.ts';
import { leasing } from './leasing.ts';
import { stopping } from './stopping.ts';
import type { InboxCase } from './subject.ts';

/** What every `Inbox` has to do. The subject of each case is an inbox of its own. */
export const inboxContract: readonly InboxCase[] = [...consuming, ...leasing, ...stopping];
