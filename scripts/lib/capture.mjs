import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';

import pMap from 'p-map';

/** Runs a program to its end. Resolves to its exit status and its output (stdout and stderr). */
export async function capture(command, args, options = {}) {
  const program = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [program.stdout, program.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => (output += text));
  }
  try {
    const [status] = await once(program, 'close');
    return { status: status ?? 1, output: output.trim() };
  } catch (error) {
    return { status: 1, output: `${command} could not be started: ${error.message}` };
  }
}

/** Runs `work` for all items, one per core at a time. Resolves to the results in order. */
export const onAllCores = (items, work) =>
  pMap(items, work, { concurrency: availableParallelism() });
