import type { ChildProcess } from 'node:child_process';

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
  /**
   * Sets the clock that the store uses forward by `ms` milliseconds, or back if negative, as NTP does.
   * Timers and monotonic clocks do not jump. Without it, the cases of clocks are skipped.
   */
  readonly jump?: (ms: number) => Promise<void> | void;
  /**
   * For shared inboxes: starts a process that opens the same inbox and calls `runContractProcess`, with
   * `fork` of node:child_process. Without it, the cases of processes are skipped.
   */
  readonly startProcess?: () => Promise<ChildProcess> | ChildProcess;
}

export type InboxCase = ContractCase<InboxSubject>;
