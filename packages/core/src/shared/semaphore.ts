/** Limits how many holders run at the same time. The others wait in order. */
export interface Semaphore {
  /** Takes a place, or waits for one. */
  acquire(): Permit;
}

/** A place in a semaphore, or in its queue. */
export interface Permit {
  /** Resolves when the place is taken. Never resolves if the permit was released before. */
  readonly taken: Promise<void>;
  /** Gives the place back or leaves the queue. Only the first call counts. */
  release(): void;
}

export function createSemaphore(maxHolders: number): Semaphore {
  const holders = new Set<Permit>();
  const waiting = new Map<Permit, () => void>();

  /** Also for holders that never come back: the caller may release the permit in their place. */
  function letNextIn(): void {
    const [next] = waiting;
    if (next === undefined || holders.size >= maxHolders) return;
    const [permit, resolve] = next;
    waiting.delete(permit);
    holders.add(permit);
    resolve();
  }

  return {
    acquire() {
      let resolveTaken: () => void = () => undefined;
      const permit: Permit = {
        taken: new Promise<void>((resolve) => (resolveTaken = resolve)),
        release() {
          waiting.delete(permit);
          holders.delete(permit);
          letNextIn();
        },
      };
      waiting.set(permit, resolveTaken);
      letNextIn();
      return permit;
    },
  };
}
