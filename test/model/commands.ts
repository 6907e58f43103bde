import fc, { type AsyncCommand } from 'fast-check';

import {
  claimOne,
  get,
  promote,
  deleteExpired,
  query,
  rarely,
  transaction,
  write,
  type Operation,
} from './operations.ts';
import { startModelRun, type ModelRun } from './model-run.ts';
import type { OpenSubject } from './subjects.ts';

/** fast-check's model is empty: `ModelRun` has the reference and compares after every step. */
type Command = AsyncCommand<object, ModelRun>;

const command = (
  text: string,
  run: (real: ModelRun) => Promise<void>,
  isPossible: (real: ModelRun) => boolean = () => true,
): Command => ({
  check: () => true,
  run: async (_, real) => (isPossible(real) ? run(real) : undefined),
  toString: () => text,
});

const needsClaim = (operation: Operation) => 'claim' in operation;

const perform = (operations: readonly Operation[]): Command =>
  command(
    operations.map((operation) => JSON.stringify(operation)).join(' + '),
    (real) => real.perform(operations),
    (real) => real.hasClaimed() || !operations.some(needsClaim),
  );

const one = (operation: fc.Arbitrary<Operation>) => operation.map((only) => perform([only]));

const durations = fc.constantFrom(1, 500, 999, 1000, 1001, 30_000, 60_000);

/** The commands for every store, with weights. */
const common: readonly [number, fc.Arbitrary<Command>][] = [
  [24, one(write)],
  [1, one(get)],
  [2, one(deleteExpired)],
  [2, query.map(({ query, follow }) =>
      command(`list ${JSON.stringify({ ...query, follow })}`, (real) => real.list(query, follow)))],
  [6, durations.map((ms) => command(`advance ${ms} ms`, (real) => real.advance(ms)))],
  [1, fc.boolean().map((abandoned) =>
      command(`reopen${abandoned ? ', abandoned' : ''}`, (real) => real.reopen(abandoned)))],
]; // prettier-ignore

/** The optional operations of a store. */
export const extras: Readonly<
  Record<'transaction' | 'promote' | 'claimOne', fc.Arbitrary<Operation>>
> = { transaction, promote, claimOne };

/** The fast-check property that stores behave as the reference. */
export function likeReference(
  subjects: readonly OpenSubject[],
  names: readonly (keyof typeof extras)[] = [],
) {
  const optional = names.map((name) => extras[name]);
  // deleteExpired can be several statements, so it comes last: no result may depend on their order.
  const batch = fc
    .tuple(
      fc.array(fc.oneof({ weight: 6, arbitrary: write }, ...optional), {
        minLength: 2,
        maxLength: 8,
      }),
      rarely(deleteExpired),
    )
    .map(([operations, last]) => perform([...operations, ...(last ? [last] : [])]));
  const commands = fc.oneof(
    ...common.map(([weight, arbitrary]) => ({ weight, arbitrary })),
    ...optional.map((operation) => ({ weight: 2, arbitrary: one(operation) })),
    { weight: 5, arbitrary: batch },
  );
  const sequence = fc.commands([commands], { maxCommands: 60, size: 'max' });

  return fc.asyncProperty(sequence, async (steps) => {
    const run = startModelRun(subjects);
    try {
      await fc.asyncModelRun(() => ({ model: {}, real: run }), steps);
    } finally {
      await run.close();
    }
  });
}
