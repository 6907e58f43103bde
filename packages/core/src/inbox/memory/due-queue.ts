interface Item<T> {
  readonly value: T;
  dueAt: number;
  /** Decides between values with the same time. */
  order: number;
  /** Place in the heap. */
  index: number;
}

/** A priority queue by time. Values with the same time leave by their `order`. */
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

/** A binary heap whose items know their places. */
export function createDueQueue<T>(): DueQueue<T> {
  const heap: Item<T>[] = [];
  const items = new Map<T, Item<T>>();
  let calls = 0;

  return {
    set(value, dueAt, order = calls) {
      calls += 1;
      let item = items.get(value);
      if (item === undefined) {
        item = { value, dueAt, order, index: heap.length };
        items.set(value, item);
        heap.push(item);
      } else {
        item.dueAt = dueAt;
        item.order = order;
      }
      moveUp(heap, item);
      moveDown(heap, item);
    },
    remove(value) {
      const item = items.get(value);
      const last = heap.at(-1);
      if (item === undefined || last === undefined) return;
      items.delete(value);
      heap.pop();
      if (last === item) return;
      place(heap, last, item.index);
      moveUp(heap, last);
      moveDown(heap, last);
    },
    peek: () => heap[0],
  };
}

function isBefore<T>(a: Item<T>, b: Item<T>): boolean {
  return a.dueAt === b.dueAt ? a.order < b.order : a.dueAt < b.dueAt;
}

function place<T>(heap: Item<T>[], item: Item<T>, index: number): void {
  heap[index] = item;
  item.index = index;
}

function swap<T>(heap: Item<T>[], a: Item<T>, b: Item<T>): void {
  const { index } = a;
  place(heap, a, b.index);
  place(heap, b, index);
}

function moveUp<T>(heap: Item<T>[], item: Item<T>): void {
  while (item.index > 0) {
    const parent = heap[(item.index - 1) >> 1];
    if (parent === undefined || !isBefore(item, parent)) return;
    swap(heap, item, parent);
  }
}

function moveDown<T>(heap: Item<T>[], item: Item<T>): void {
  for (;;) {
    const left = heap[2 * item.index + 1];
    const right = heap[2 * item.index + 2];
    const child = left && right && isBefore(right, left) ? right : left;
    if (child === undefined || !isBefore(child, item)) return;
    swap(heap, item, child);
  }
}
