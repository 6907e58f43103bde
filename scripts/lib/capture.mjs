// Programs that run beside each other: what each of them prints is kept until it is its turn.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';

import pMap from 'p-map';

/** Runs a program to its end. Resolves to its status and to what it has printed, in that order. */
export async function capture(command, args, options = {}) {
  const program = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [program.stdout, program.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => (said += text));
  }
  try {
    const [status] = await once(program, 'close');
    return { status: status ?? 1, said: said.trim() };
  } catch (error) {
    return { status: 1, said: `${command} could not be started: ${error.message}` };
  }
}

/** Runs `work` for all items, as many at a time as there are cores. Resolves in their order. */
export const onAllCores = (items, work) =>
  pMap(items, work, { concurrency: availableParallelism() });
