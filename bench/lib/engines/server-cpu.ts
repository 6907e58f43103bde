import { readdirSync, readFileSync } from 'node:fs';

/** A tick of /proc is a hundredth of a second on every Linux there is. */
const TICK_MS = 10;

interface Process {
  readonly parent: number;
  /** Its own processor time and that of children that have ended, in milliseconds. */
  readonly cpuMs: number;
}

/**
 * Processor time of a server that has a process per connection: of the parent of `pid` and all its
 * children, in milliseconds. `NaN` where it cannot be seen, as on another machine.
 */
export function cpuOfTree(pid: number): number {
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
    // The name, in brackets, may have spaces in it.
    const [, rest = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(/\) (.*)/s);
    const fields = rest.split(' ').map(Number);
    const ticks = fields.slice(11, 15).reduce((sum, value) => sum + value, 0);
    return { parent: fields[1] ?? NaN, cpuMs: ticks * TICK_MS };
  } catch {
    return undefined; // it has ended in the meantime, or is not of this machine
  }
}
