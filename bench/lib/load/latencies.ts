import { createHistogram } from 'node:perf_hooks';

/** A histogram of latencies in milliseconds. */
export interface Latencies {
  record(ms: number): void;
  percentile(percent: number): number;
}

/** The histogram holds integers, so it counts microseconds. */
const PER_MS = 1000;

export function createLatencies(): Latencies {
  const histogram = createHistogram();
  return {
    record: (ms) => histogram.record(Math.max(1, Math.round(ms * PER_MS))),
    percentile: (percent) => histogram.percentile(percent) / PER_MS,
  };
}
