import type {
  Entry,
  EntryAdmin,
  EntryKey,
  InboxCapabilities,
  NewEntry,
  Store,
} from '@novita-webhooks/core';

import type { ContractCase } from '../contract-case.ts';

/** What both a `Store` and an `Inbox` can do. */
export interface EntryPort extends Pick<
  EntryAdmin,
  'list' | 'get' | 'stats' | 'replay' | 'discard'
> {
  readonly capabilities: InboxCapabilities;
  add(entry: NewEntry): ReturnType<Store['add']>;
}

export function toEntryPort(store: Store): EntryPort {
  return {
    capabilities: store.capabilities,
    add: (entry) => store.add(entry),
    list: (query) => store.list(query),
    get: (key) => store.get(key),
    stats: () => store.stats(),
    replay: async (key) => (await store.replayEntries([key])) === 1,
    discard: async (key) => (await store.discardEntries([key])) === 1,
  };
}

/** A case that needs only the methods that stores and inboxes share. */
export type EntryCase = ContractCase<EntryPort>;

/** Converts entry cases to cases of a store or an inbox. */
export function toContractCases<Subject>(
  cases: readonly EntryCase[],
  portOf: (subject: Subject) => EntryPort,
): ContractCase<Subject>[] {
  return cases.map(({ name, skip, run }) => ({
    name,
    skip: (subject) => skip?.(portOf(subject)),
    run: (subject) => run(portOf(subject)),
  }));
}

/** Reads the state of an entry; `undefined` if there is none. */
export async function stateOf(
  port: Pick<EntryPort, 'get'>,
  key: EntryKey,
): Promise<Entry['state'] | undefined> {
  return (await port.get(key))?.state;
}
