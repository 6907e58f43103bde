import type { Finding } from './inspect-image.ts';
import { variants, type Variant } from './power-cut.ts';
import type { Look } from './inspect-cuts.ts';

/** What came of all cuts with one variant. Promises are counted once per cut. */
export interface Tally {
  cuts: number;
  kept: number;
  settled: number;
  lost: number;
  wrong: number;
  broken: number;
  /** Some of what went wrong. */
  readonly examples: string[];
}

export type Tallies = ReadonlyMap<Variant, Tally>;

const EXAMPLES = 3;
const KEYS = ['cuts', 'kept', 'settled', 'lost', 'wrong', 'broken'] as const;

const emptyTally = (): Tally => ({
  cuts: 0,
  kept: 0,
  settled: 0,
  lost: 0,
  wrong: 0,
  broken: 0,
  examples: [],
});

export const emptyTallies = (): Tallies =>
  new Map(variants.map((variant) => [variant, emptyTally()]));

export function record(
  tallies: Tallies,
  { cut, variant }: Look,
  { kept, settled, lost, wrong, broken }: Finding,
): void {
  const problems = [broken ?? [], lost.map((taskId) => `${taskId} is lost`), wrong].flat();
  const [problem] = problems;
  const examples =
    problem === undefined ? [] : [`cut ${cut}: ${problem} (and ${problems.length - 1} more)`];
  const figures = { cuts: 1, kept, settled, lost: lost.length, wrong: wrong.length };
  addTo(tallies.get(variant), { ...figures, broken: broken === null ? 0 : 1, examples });
}

/** All variants together. */
export function total(tallies: Tallies): Tally {
  const sum = emptyTally();
  for (const tally of tallies.values()) addTo(sum, tally);
  return sum;
}

function addTo(sum: Tally | undefined, tally: Tally): void {
  if (!sum) return;
  for (const key of KEYS) sum[key] += tally[key];
  if (sum.examples.length < EXAMPLES) sum.examples.push(...tally.examples);
}
