import { readdirSync, readFileSync } from 'node:fs';

/** /proc counts CPU time in ticks of 10 ms on Linux. */
const TICK_MS = 10;

interface Process {
  readonly parent: number;
  /** CPU time of the process and of its ended children, in milliseconds. */
  readonly cpuMs: number;
}

/**
 * Returns the CPU time of a server with one process per connection, in milliseconds: of the parent
 * of `pid` and all its children. `NaN` if /proc does not have the process, for example because the
 * server is on another machine.
 */
export function serverCpuMs(pid: number): number {
  const server = readProcess(pid)?.parent;
  if (server === undefined) return NaN;
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => readProcess(Number(name)))
    .filter((child) => child?.parent === server);
  return [readProcess(server), ...children].reduce((sum, one) => sum + (one?.cpuMs ?? 0), 0);
}

function readProcess(pid: number): Process | undefined {
  try {
    // The process name in brackets can contain spaces.
    const [, rest = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(/\) (.*)/s);
    const fields = rest.split(' ').map(Number);
    const ticks = fields.slice(11, 15).reduce((sum, value) => sum + value, 0);
    return { parent: fields[1] ?? NaN, cpuMs: ticks * TICK_MS };
  } catch {
    return undefined; // the process has ended, or is on another machine
  }
}
