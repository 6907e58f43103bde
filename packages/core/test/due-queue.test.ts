import fc from 'fast-check';
import { expect, test } from 'vitest';

import { createDueQueue } from '../src/inbox/memory/due-queue.ts';

type Command =
  | { readonly type: 'set'; readonly value: number; readonly dueAt: number }
  | { readonly type: 'remove'; readonly value: number }
  | { readonly type: 'peek' }
  | { readonly type: 'take' };

const value = fc.integer({ min: 0, max: 12 });
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant('set' as const),
      value,
      dueAt: fc.oneof(fc.integer({ min: 0, max: 8 }), fc.double({ noNaN: true })),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('remove' as const), value }) },
  { weight: 1, arbitrary: fc.constant({ type: 'peek' as const }) },
  { weight: 2, arbitrary: fc.constant({ type: 'take' as const }) },
);

/** A model of the queue: an array that is sorted after each change. */
function createModel() {
  let items: { value: number; dueAt: number; ticket: number }[] = [];
  let ticket = 0;
  const remove = (gone: number) => void (items = items.filter((item) => item.value !== gone));
  return {
    remove,
    set(added: number, dueAt: number) {
      remove(added);
      items.push({ value: added, dueAt, ticket: (ticket += 1) });
      items.sort((a, b) => a.dueAt - b.dueAt || a.ticket - b.ticket);
    },
    peek: () => items[0],
  };
}

test('due queue: behaves like a sorted array for any sequence of operations', () => {
  const property = fc.property(fc.array(command, { maxLength: 200 }), (commands) => {
    const queue = createDueQueue<number>();
    const model = createModel();
    const compare = () => {
      const [actual, expected] = [queue.peek(), model.peek()];
      expect(actual?.value).toBe(expected?.value);
      expect(actual?.dueAt).toBe(expected?.dueAt);
    };
    for (const step of commands) {
      if (step.type === 'set') {
        queue.set(step.value, step.dueAt);
        model.set(step.value, step.dueAt);
      } else if (step.type === 'remove') {
        queue.remove(step.value);
        model.remove(step.value);
      } else {
        compare();
        const first = model.peek();
        if (step.type === 'peek' || first === undefined) continue;
        queue.remove(first.value);
        model.remove(first.value);
      }
    }
    for (let first = model.peek(); first !== undefined; first = model.peek()) {
      compare();
      queue.remove(first.value);
      model.remove(first.value);
    }
    expect(queue.peek()).toBeUndefined();
  });
  fc.assert(property, { numRuns: 500 });
});

test('due queue: returns values with the same due time in insertion order', () => {
  const queue = createDueQueue<string>();
  for (const name of ['b', 'a', 'c']) queue.set(name, 5);
  queue.set('b', 5); // moves to the end
  const order: string[] = [];
  for (let first = queue.peek(); first !== undefined; first = queue.peek()) {
    order.push(first.value);
    queue.remove(first.value);
  }
  expect(order).toEqual(['a', 'c', 'b']);
});
