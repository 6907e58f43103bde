import { memoryStore, type Clock, type Store } from '@novita-webhooks/core';

/** A store that is compared with the reference. */
export interface Subject {
  readonly name: string;
  /** Operations that begin in one tick take effect in order. If not, each waits for the last one. */
  readonly keepsOrder: boolean;
  /** The stores that are open on one place. A run uses them in turn. */
  stores(): readonly Store[];
  /** Opens new stores on the same place. `abandoned`: the old stores are not closed before. */
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

/** Opens two stores on one place. */
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
