import { createRandom } from '../../../../test/support/random.ts';
import type { Operation } from './trace.ts';

/** A kill point of the power: the number of operations before the cut. */
export type Cut = number;

/**
 * Chooses every boundary at which something starts or ends, and `count` of the other positions.
 * Boundaries are syncs, files, runs of writes to one file (as in a checkpoint) and runs of
 * acknowledgements.
 */
export function chooseCuts(
  operations: readonly Operation[],
  count: number,
  seed: number,
): readonly Cut[] {
  const { next: random } = createRandom(seed);
  const boundaries: Cut[] = [];
  const others: Cut[] = [];
  for (let cut = 1; cut <= operations.length; cut++) {
    const before = operations[cut - 1];
    const after = operations[cut];
    if (!before || isCoveredByNext(after)) continue;
    if (after && isSameRun(before, after)) others.push(cut);
    else boundaries.push(cut);
  }
  const chosen = others
    .map((cut) => ({ cut, key: random() }))
    .sort((a, b) => a.key - b.key)
    .slice(0, count)
    .map(({ cut }) => cut);
  return [...boundaries, ...chosen].sort((a, b) => a - b);
}

/**
 * Returns whether the next cut finds everything that this one would: the next operation leaves the
 * disk unchanged, and the store has acknowledged at least as much after it.
 */
function isCoveredByNext(next: Operation | undefined): boolean {
  return next?.kind === 'sync begin' || (next?.kind === 'ack' && !allowsDeletion(next.line));
}

/** Returns whether entries may be missing from this line of the history on. */
export const allowsDeletion = (line: string): boolean => line === 'deleting';

function isSameRun(before: Operation, after: Operation): boolean {
  return before.kind === 'write' && after.kind === 'write' && before.file === after.file;
}
