import type { EntryKey, Store } from '@novita-webhooks/core';

import type { ContractCase } from '../contract-case.ts';

/** A store under test: empty, on a clock that the test controls. */
export interface StoreSubject {
  readonly store: Store;
  /**
   * Moves the store's time forward by `ms` milliseconds: advances its clock, or shifts the times in
   * its rows.
   */
  advance(ms: number): Promise<void>;
  /**
   * A table of text lines in the store's database. Only for transactional stores; without it the
   * cases of `transaction` are skipped.
   */
  readonly ledger?: {
    /** Inserts a line through the transaction handle that `Store.transaction` passes to its work. */
    write(tx: unknown, line: string): void | Promise<void>;
    /** Returns all committed lines, oldest first. */
    read(): Promise<readonly string[]>;
  };
  /**
   * Ways to damage a stored entry behind the store's back, by what they damage: for example, `metadata`
   * overwrites the metadata with text that is not JSON. Without it, the cases of damage are skipped.
   */
  readonly damage?: Readonly<Record<string, (key: EntryKey) => void | Promise<void>>>;
}

export type StoreCase = ContractCase<StoreSubject>;
