import { spawnSync } from 'node:child_process';

import type { Cores } from './measured-target.ts';

/** A core for the server and one for the load; `undefined` if processes cannot be pinned. */
export function findCores(): Cores | undefined {
  if (spawnSync('taskset', ['-c', '0,1', 'true']).status === 0) return { server: 0, load: 1 };
  console.log('bench: taskset is missing, so no process is pinned to a core.');
  return undefined;
}
