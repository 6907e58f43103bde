import type { EntryAdmin, NewEntry } from '@novita-webhooks/core';
import type { ContractCase } from '../contract-case.ts';

/** What stores and inboxes have in common: entries go in, and can be looked up. */
export type EntryKeeper = EntryAdmin & {
  add(entry: NewEntry): Promise<'added' | 'duplicate'>;
};

/** A case for whatever keeps entries. */
export interface EntryCase {
  readonly name: string;
  readonly run: (keeper: EntryKeeper) => Promise<void>;
}

/** The same cases, for subjects of another kind. */
export function casesFor<Subject>(
  cases: readonly EntryCase[],
  keeperOf: (subject: Subject) => EntryKeeper,
): ContractCase<Subject>[] {
  return cases.map(({ name, run }) => ({ name, run: (subject) => run(keeperOf(subject)) }));
}
