import { createRandom } from './random.ts';
import type { Operation } from './trace.ts';

/** A moment at which the power is cut: so many operations have happened. */
export type Cut = number;

/**
 * All boundaries at which something begins or ends (a sync, a file, a run of writes to one file as
 * in a checkpoint, a run of acknowledgements), and `count` of the others.
 */
export function chooseCuts(
  operations: readonly Operation[],
  count: number,
  seed: number,
): readonly Cut[] {
  const random = createRandom(seed);
  const turning: Cut[] = [];
  const others: Cut[] = [];
  for (let cut = 1; cut <= operations.length; cut++) {
    const before = operations[cut - 1];
    const after = operations[cut];
    if (!before || isWeaker(after)) continue;
    if (after && isOneRun(before, after)) others.push(cut);
    else turning.push(cut);
  }
  const chosen = others
    .map((cut) => ({ cut, key: random() }))
    .sort((a, b) => a.key - b.key)
    .slice(0, count)
    .map(({ cut }) => cut);
  return [...turning, ...chosen].sort((a, b) => a - b);
}

/**
 * The disk is the same after the next operation, and as much or more is promised by then: whatever
 * this cut would show, the next one shows as well.
 */
function isWeaker(next: Operation | undefined): boolean {
  return next?.kind === 'sync begin' || (next?.kind === 'ack' && !takesBack(next.line));
}

/** From here on entries may rightly be gone. */
export const takesBack = (line: string): boolean => line === 'purging';

function isOneRun(before: Operation, after: Operation): boolean {
  return before.kind === 'write' && after.kind === 'write' && before.file === after.file;
}
