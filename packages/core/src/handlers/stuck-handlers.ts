import type { EntryKey } from '../inbox/ports.ts';

/** Handlers that still run after their timeout. Until they end, they must not run again. */
export interface StuckHandlers {
  has(key: EntryKey, handler: string): boolean;
  add(key: EntryKey, handler: string, ended: Promise<unknown>): void;
}

export function createStuckHandlers(): StuckHandlers {
  const stuck = new Set<string>();
  const name = ({ endpoint, taskId }: EntryKey, handler: string) =>
    JSON.stringify([endpoint, taskId, handler]);
  return {
    has: (key, handler) => stuck.has(name(key, handler)),
    add(key, handler, ended) {
      stuck.add(name(key, handler));
      void ended.finally(() => stuck.delete(name(key, handler)));
    },
  };
}
