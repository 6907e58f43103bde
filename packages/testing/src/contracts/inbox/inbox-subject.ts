import type { Inbox, Retention } from '@novita-webhooks/core';

import type { ContractCase } from '../contract-case.ts';

/** An inbox under test: empty, on a clock that the test controls. */
export interface InboxSubject {
  readonly inbox: Inbox;
  /** Lets `ms` milliseconds pass: advances a manual clock, or waits in real time. */
  advance(ms: number): Promise<void>;
  /** How long a lease lasts, in milliseconds. */
  readonly leaseDurationMs: number;
  /** Makes every lease issued so far invalid. Without it, the case of a lost lease is skipped. */
  readonly loseLeases?: () => Promise<void> | void;
  /** How long the inbox keeps finished entries. Without it, the retention cases are skipped. */
  readonly retention?: Retention;
  /** For shared inboxes: opens the same inbox again, as another process does. */
  readonly openPeer?: () => Promise<Inbox> | Inbox;
  /**
   * For shared inboxes: opens the same inbox again, as a process that is then suspended. Its
   * running attempts continue, but its timers stand still, so it extends no lease.
   */
  readonly openSleeper?: () => Promise<Inbox> | Inbox;
}

export type InboxCase = ContractCase<InboxSubject>;
