import { memoryStore, type Clock, type Store } from '@novita-webhooks/core';

/** A store that is put to the same as the reference. */
export interface Subject {
  readonly name: string;
  /** Of what is begun in one tick, the first is done first. Others are asked one thing at a time. */
  readonly keepsOrder: boolean;
  /** Several where one place is open several times; they are used in turn. */
  stores(): readonly Store[];
  /** Makes new stores for the same place. `abandoned`: without closing the old ones before. */
  reopen(abandoned: boolean): Promise<void>;
  close(): Promise<void>;
}

export type OpenSubject = (clock: Clock) => Subject;

export const memorySubject: OpenSubject = (clock) => {
  const store = memoryStore({ clock });
  return {
    name: 'the memory store',
    keepsOrder: true,
    stores: () => [store],
    reopen: async () => undefined,
    close: () => store.close(),
  };
};

/** Two stores in one place, which `open` makes. */
export function createSubject(
  { name, keepsOrder }: Pick<Subject, 'name' | 'keepsOrder'>,
  open: () => Store,
): Subject {
  let stores = [open(), open()];
  const abandoned: Store[] = [];
  return {
    name,
    keepsOrder,
    stores: () => stores,
    async reopen(isAbandoned) {
      if (isAbandoned) abandoned.push(...stores);
      else for (const store of stores) await store.close();
      stores = [open(), open()];
    },
    async close() {
      for (const store of [...abandoned, ...stores]) await store.close();
    },
  };
}
