export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? NaN;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? NaN;
  return (lower + upper) / 2;
}

/** The median of one figure of every round. */
export function medianOf<T>(rounds: readonly T[], figure: (round: T) => number): number {
  return median(rounds.map(figure));
}

/** The range of the values. A wide range means that the median is not reliable. */
export function range(values: readonly number[], digits: number = 0): string {
  return `${Math.min(...values).toFixed(digits)}…${Math.max(...values).toFixed(digits)}`;
}
