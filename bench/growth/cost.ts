import { readFileSync } from 'node:fs';

/** What a unit of work costs. */
export interface Cost {
  /** Time that passed, in microseconds. */
  readonly wallUs: number;
  /** Processor time of the whole process, in microseconds. */
  readonly cpuUs: number;
  /** Written to files: log and checkpoints. `NaN` where the system does not tell. */
  readonly writtenBytes: number;
}

/** Runs `work` and divides what it costs by how many units of it there were. */
export async function costOf(units: number, work: () => Promise<unknown>): Promise<Cost> {
  const written = writtenUntilNow();
  const cpu = process.cpuUsage();
  const began = performance.now();
  await work();
  const wallMs = performance.now() - began;
  const { user, system } = process.cpuUsage(cpu);
  return {
    wallUs: (wallMs * 1000) / units,
    cpuUs: (user + system) / units,
    writtenBytes: (writtenUntilNow() - written) / units,
  };
}

function writtenUntilNow(): number {
  if (process.platform !== 'linux') return NaN;
  return Number(/^wchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1]);
}
