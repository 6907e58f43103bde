/** What events happen to: an incarnation of a process, the database, the vendor. */
export interface Owner {
  readonly name: string;
  /** The events of a stopped owner stand still. Those of a dead one never happen. */
  state: 'running' | 'stopped' | 'dead';
}

/** Something that is going to happen. */
export interface ScheduledEvent {
  readonly at: number;
  /** Drawn from the seed: the order of events at the same time. */
  readonly rank: number;
  readonly owner: Owner;
  readonly label: string;
  readonly happen: () => void;
  isCancelled: boolean;
}

const isBefore = (one: ScheduledEvent, other: ScheduledEvent) =>
  one.at < other.at || (one.at === other.at && one.rank < other.rank);

/** A binary heap of events, the earliest first. */
export function createQueue() {
  const heap: ScheduledEvent[] = [];
  const get = (index: number) => heap[index];

  function swap(one: number, other: number): void {
    const [first, second] = [get(one), get(other)];
    if (first === undefined || second === undefined) return;
    heap[one] = second;
    heap[other] = first;
  }

  function isOrdered(parent: number, child: number): boolean {
    const [first, second] = [get(parent), get(child)];
    return first === undefined || second === undefined || !isBefore(second, first);
  }

  function sink(): void {
    for (let parent = 0; ;) {
      const left = 2 * parent + 1;
      const child = isOrdered(left, left + 1) ? left : left + 1;
      if (isOrdered(parent, child)) return;
      swap(parent, child);
      parent = child;
    }
  }

  return {
    /** @returns a function that cancels the event */
    push(event: ScheduledEvent): () => void {
      heap.push(event);
      for (let child = heap.length - 1; child > 0;) {
        const parent = (child - 1) >> 1;
        if (isOrdered(parent, child)) break;
        swap(parent, child);
        child = parent;
      }
      return () => void (event.isCancelled = true);
    },
    /** The earliest event that was not cancelled. */
    pop(): ScheduledEvent | undefined {
      for (;;) {
        const first = get(0);
        const last = heap.pop();
        if (first === undefined || last === undefined) return undefined;
        if (heap.length > 0) {
          heap[0] = last;
          sink();
        }
        if (!first.isCancelled) return first;
      }
    },
  };
}
