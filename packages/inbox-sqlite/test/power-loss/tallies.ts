import type { Inspection } from './inspect-cuts.ts';
import type { Finding } from './inspect-image.ts';
import { variants, type Variant } from './power-cut.ts';

/** The results of all cuts with one variant. Acknowledgements are counted once per cut. */
export interface Tally {
  cuts: number;
  added: number;
  settled: number;
  lost: number;
  wrong: number;
  unusable: number;
  /** The first problems. */
  readonly examples: string[];
}

export type Tallies = ReadonlyMap<Variant, Tally>;

const MAX_EXAMPLES = 3;
const KEYS = ['cuts', 'added', 'settled', 'lost', 'wrong', 'unusable'] as const;

const emptyTally = (): Tally => ({
  cuts: 0,
  added: 0,
  settled: 0,
  lost: 0,
  wrong: 0,
  unusable: 0,
  examples: [],
});

export const emptyTallies = (): Tallies =>
  new Map(variants.map((variant) => [variant, emptyTally()]));

export function recordFinding(
  tallies: Tallies,
  { cut, variant }: Inspection,
  { added, settled, lost, wrong, unusable }: Finding,
): void {
  const problems = [unusable ?? [], lost.map((taskId) => `${taskId} is lost`), wrong].flat();
  const [problem] = problems;
  const examples =
    problem === undefined ? [] : [`cut ${cut}: ${problem} (and ${problems.length - 1} more)`];
  const figures = { cuts: 1, added, settled, lost: lost.length, wrong: wrong.length };
  addTo(tallies.get(variant), { ...figures, unusable: unusable === null ? 0 : 1, examples });
}

/** Sums the results of all variants. */
export function total(tallies: Tallies): Tally {
  const sum = emptyTally();
  for (const tally of tallies.values()) addTo(sum, tally);
  return sum;
}

function addTo(sum: Tally | undefined, tally: Tally): void {
  if (!sum) return;
  for (const key of KEYS) sum[key] += tally[key];
  if (sum.examples.length < MAX_EXAMPLES) sum.examples.push(...tally.examples);
}
