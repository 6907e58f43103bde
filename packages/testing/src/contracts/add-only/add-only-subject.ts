import type { Inbox } from '@novita-webhooks/core';

import type { ContractCase } from '../contract-case.ts';

/** An inbox of `addOnlyInbox` under test, with an empty queue. */
export interface AddOnlySubject {
  readonly inbox: Inbox;
  /**
   * Returns all messages that the queue delivered so far, as its consumer receives them: bytes,
   * JSON text or a parsed value.
   */
  received(): Promise<readonly unknown[]>;
}

export type AddOnlyCase = ContractCase<AddOnlySubject>;
