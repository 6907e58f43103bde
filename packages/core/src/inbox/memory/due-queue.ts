interface Item<T> {
  readonly value: T;
  readonly dueAt: number;
  /** Decides between values with the same time. */
  readonly order: number;
  /** Tells the current item of a value from its stale ones. */
  readonly number: number;
}

/** The heap is not compacted below this number of stale items. */
const MIN_STALE_ITEMS = 16;

/**
 * A priority queue by time. Values with the same time leave by their `order`. Moving or removing a
 * value leaves a stale item in the heap, which is skipped later.
 */
export interface DueQueue<T> {
  /**
   * Inserts a value, or moves it to another time.
   *
   * @param order default: the order of these calls
   */
  set(value: T, dueAt: number, order?: number): void;
  remove(value: T): void;
  /** The first value and its time. Does not remove it. */
  peek(): { readonly value: T; readonly dueAt: number } | undefined;
}

export function createDueQueue<T>(): DueQueue<T> {
  const heap: Item<T>[] = [];
  const numbers = new Map<T, number>();
  let lastNumber = 0;

  const isCurrent = ({ value, number }: Item<T>) => numbers.get(value) === number;

  /** Removes stale items. A sorted array is a heap. */
  function compact(): void {
    const current = heap.filter(isCurrent).sort((a, b) => (isBefore(a, b) ? -1 : 1));
    heap.length = 0;
    for (const item of current) heap.push(item);
  }

  return {
    set(value, dueAt, order = lastNumber) {
      lastNumber += 1;
      numbers.set(value, lastNumber);
      heap.push({ value, dueAt, order, number: lastNumber });
      siftUp(heap);
      if (heap.length > 2 * numbers.size + MIN_STALE_ITEMS) compact();
    },
    remove(value) {
      numbers.delete(value);
    },
    peek() {
      let [first] = heap;
      while (first !== undefined && !isCurrent(first)) {
        removeFirst(heap);
        [first] = heap;
      }
      return first;
    },
  };
}

function isBefore<T>(a: Item<T>, b: Item<T>): boolean {
  return a.dueAt === b.dueAt ? a.order < b.order : a.dueAt < b.dueAt;
}

function siftUp<T>(heap: Item<T>[]): void {
  for (let child = heap.length - 1; child > 0;) {
    const parent = (child - 1) >> 1;
    if (!swapIfBefore(heap, child, parent)) return;
    child = parent;
  }
}

function removeFirst<T>(heap: Item<T>[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  heap[0] = last;
  for (let parent = 0; ;) {
    const [left, right] = [2 * parent + 1, 2 * parent + 2];
    const child = comesBefore(heap, right, left) ? right : left;
    if (!swapIfBefore(heap, child, parent)) return;
    parent = child;
  }
}

function comesBefore<T>(heap: Item<T>[], i: number, j: number): boolean {
  const [a, b] = [heap[i], heap[j]];
  return a !== undefined && b !== undefined && isBefore(a, b);
}

function swapIfBefore<T>(heap: Item<T>[], child: number, parent: number): boolean {
  const [a, b] = [heap[child], heap[parent]];
  if (a === undefined || b === undefined || !isBefore(a, b)) return false;
  heap[child] = b;
  heap[parent] = a;
  return true;
}
