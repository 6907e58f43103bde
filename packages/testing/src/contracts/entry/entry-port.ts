import type { Entry, EntryAdmin, EntryKey, NewEntry, Store } from '@novita-webhooks/core';

import type { ContractCase } from '../contract-case.ts';

/** The methods that `Store` and `Inbox` share. */
export interface EntryPort extends EntryAdmin {
  add(entry: NewEntry): ReturnType<Store['add']>;
}

/** A case that needs only the methods that stores and inboxes share. */
export interface EntryCase {
  readonly name: string;
  readonly run: (port: EntryPort) => Promise<void>;
}

/** Converts entry cases to cases of a store or an inbox. */
export function toContractCases<Subject>(
  cases: readonly EntryCase[],
  portOf: (subject: Subject) => EntryPort,
): ContractCase<Subject>[] {
  return cases.map(({ name, run }) => ({ name, run: (subject) => run(portOf(subject)) }));
}

/** Reads the state of an entry; `undefined` if there is none. */
export async function stateOf(
  port: Pick<EntryPort, 'get'>,
  key: EntryKey,
): Promise<Entry['state'] | undefined> {
  return (await port.get(key))?.state;
}
