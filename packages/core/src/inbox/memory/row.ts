import type { StoredState } from '../expectation.ts';
import type { Entry } from '../ports.ts';

/** A row of the table. */
export interface Row {
  /** Number in the order of arrival. */
  readonly order: number;
  /** Changed in place: what enters or leaves the store is a copy. */
  readonly entry: Entry & { readonly state: StoredState };
  /** Of the current claim; `null` while no worker holds the entry. */
  fencingToken: string | null;
  /** Number of the series of attempts; no two series of any entries have the same. */
  series: number;
  /** Whether a claim has found the lease expired since it was last extended. */
  isOverdue: boolean;
}
