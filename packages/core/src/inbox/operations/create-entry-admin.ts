import { checkEntryKey, checkEntryQuery } from '../entry-query.ts';
import { shownState } from '../expectation.ts';
import type {
  Entry,
  EntryAdmin,
  EntryKey,
  EntryPage,
  EntryQuery,
  ReplayOptions,
  EntryTable,
} from '../ports.ts';
import { discardMany, replayMany } from './act-on-many.ts';
import { bindCursor, readCursor } from './bound-cursor.ts';
import { exportEntries } from './export-entries.ts';
import { groupEntries } from './group-entries.ts';
import { importEntries } from './import-entries.ts';
import { checkReplayOptions, withStoredNames } from './replay-options.ts';

/**
 * What operators do with the entries of an inbox, made of the few operations of a store. `pollingInbox`
 * has it already.
 *
 * @param onDue called when entries may have become due
 * @example
 * const inbox: Inbox = { capabilities, add, consume, ...createEntryAdmin(table) };
 */
export function createEntryAdmin(
  store: EntryTable,
  onDue: () => void = () => undefined,
): EntryAdmin {
  async function thenWake<T>(work: Promise<T>): Promise<T> {
    const result = await work;
    onDue();
    return result;
  }

  return {
    list: async (query) => listEntries(store, query),
    async get(key) {
      const entry = await store.get(checkEntryKey('get', key));
      return entry && toShown(entry);
    },
    groups: async (query) => groupEntries(store, query),
    replay: async (key, options) => thenWake(replay(store, key, options)),
    replayMany: async (filter, options) => replayMany(store, filter, options, onDue),
    discard: async (key) => (await store.discardEntries([checkEntryKey('discard', key)])) === 1,
    discardMany: async (filter, options) => discardMany(store, filter, options),
    export: (filter) => exportEntries(store, filter),
    import: async (lines) => thenWake(importEntries(store, lines)),
    stats: () => store.stats(),
    close: () => store.close(),
  };
}

async function listEntries(store: EntryTable, query: EntryQuery = {}): Promise<EntryPage> {
  const { cursor, limit, bodies, ...list } = checkEntryQuery(query);
  const call = { list };
  const from = cursor && readCursor('list', cursor, call);
  const page = await store.list({ ...list, limit, bodies, cursor: from });
  return {
    ...page,
    entries: page.entries.map(toShown),
    cursor: page.cursor === null ? null : bindCursor(page.cursor, call),
  };
}

function toShown(entry: Entry): Entry {
  const state = shownState(entry);
  return state === entry.state ? entry : { ...entry, state };
}

async function replay(store: EntryTable, key: EntryKey, options?: ReplayOptions): Promise<boolean> {
  const target = checkEntryKey('replay', key);
  const { handlers, ...others } = checkReplayOptions(target, options);
  if (handlers === undefined) return (await store.replayEntries([target], others)) === 1;
  const entry = await store.get(target);
  const names = withStoredNames(handlers, entry === undefined ? [] : [entry]);
  return (await store.replayEntries([target], { ...others, handlers: names })) === 1;
}
