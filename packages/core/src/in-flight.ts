/** Counts what is under way, so that closing can wait for it. */
export interface InFlight {
  track<T>(work: Promise<T>): Promise<T>;
  size(): number;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
}

export function createInFlight(): InFlight {
  const underWay = new Set<Promise<unknown>>();
  return {
    track(work) {
      underWay.add(work);
      const forget = () => void underWay.delete(work);
      work.then(forget, forget);
      return work;
    },
    size: () => underWay.size,
    async idle() {
      while (underWay.size > 0) await Promise.allSettled(underWay);
    },
  };
}
