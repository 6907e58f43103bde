import type { AddAnswer, Inbox, NewEntry } from './ports.ts';

type Add = Inbox['add'];
type ImmediateAdd = (entry: NewEntry) => AddAnswer | Promise<AddAnswer>;

const immediate = new WeakMap<Add, ImmediateAdd>();

/** @returns an `Inbox.add` in whose place `toImmediateAdd` finds `add` again */
export function toAdd(add: ImmediateAdd): Add {
  const promising: Add = async (entry) => add(entry);
  immediate.set(promising, add);
  return promising;
}

/** Like `inbox.add`, but answers or throws at once if the store of a `pollingInbox` does. */
export function toImmediateAdd(inbox: Pick<Inbox, 'add'>): ImmediateAdd {
  return immediate.get(inbox.add) ?? ((entry) => inbox.add(entry));
}
