import fc, { type AsyncCommand } from 'fast-check';

import {
  claimOne,
  get,
  promote,
  purge,
  query,
  seldom,
  transaction,
  write,
  type Operation,
} from './operations.ts';
import { startModelRun, type ModelRun } from './model-run.ts';
import type { OpenSubject } from './subjects.ts';

/** The reference is within the run, which compares after every step. */
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

const passing = fc.constantFrom(1, 500, 999, 1000, 1001, 30_000, 60_000);

/** Those that every store has, as often as they deserve it. */
const common: readonly [number, fc.Arbitrary<Command>][] = [
  [24, one(write)],
  [1, one(get)],
  [2, one(purge)],
  [2, query.map(({ query, follow }) =>
      command(`list ${JSON.stringify({ ...query, follow })}`, (real) => real.list(query, follow)))],
  [6, passing.map((ms) => command(`pass ${ms} ms`, (real) => real.pass(ms)))],
  [1, fc.boolean().map((abandoned) =>
      command(`reopen${abandoned ? ', abandoned' : ''}`, (real) => real.reopen(abandoned)))],
]; // prettier-ignore

/** What only some stores have. */
export const extras: Readonly<
  Record<'transaction' | 'promote' | 'claimOne', fc.Arbitrary<Operation>>
> = { transaction, promote, claimOne };

/** What a store has to be like, as a property of fast-check. */
export function likeReference(
  subjects: readonly OpenSubject[],
  names: readonly (keyof typeof extras)[] = [],
) {
  const special = names.map((name) => extras[name]);
  // A purge is two operations or more; after it, nothing may depend on when the others came.
  const batch = fc
    .tuple(
      fc.array(fc.oneof({ weight: 6, arbitrary: write }, ...special), {
        minLength: 2,
        maxLength: 8,
      }),
      seldom(purge),
    )
    .map(([operations, last]) => perform([...operations, ...(last ? [last] : [])]));
  const commands = fc.oneof(
    ...common.map(([weight, arbitrary]) => ({ weight, arbitrary })),
    ...special.map((own) => ({ weight: 2, arbitrary: one(own) })),
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
