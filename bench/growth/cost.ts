import { readFileSync } from 'node:fs';

/** The cost of one unit of work. */
export interface Cost {
  /** Elapsed time in microseconds. */
  readonly wallUs: number;
  /** CPU time of the process in microseconds. */
  readonly cpuUs: number;
  /** Bytes written to files by the log and by checkpoints; `NaN` if unknown. */
  readonly writtenBytes: number;
}

/** Measures `work` and divides its cost by the number of units. */
export async function costOf(units: number, work: () => Promise<unknown>): Promise<Cost> {
  const written = countWrittenBytes();
  const cpu = process.cpuUsage();
  const began = performance.now();
  await work();
  const wallMs = performance.now() - began;
  const { user, system } = process.cpuUsage(cpu);
  return {
    wallUs: (wallMs * 1000) / units,
    cpuUs: (user + system) / units,
    writtenBytes: (countWrittenBytes() - written) / units,
  };
}

function countWrittenBytes(): number {
  if (process.platform !== 'linux') return NaN;
  return Number(/^wchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1]);
}
