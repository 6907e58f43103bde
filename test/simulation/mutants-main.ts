// Runs the simulation on core with each deliberate bug, and prints which seed finds it.
//   npm run test:simulation:mutants
//   npm run test:simulation:mutants -- --only lease    those with this text in their name
import { parseArgs } from 'node:util';

import { MUTANTS, runMutant } from './mutants.ts';

const { values } = parseArgs({ options: { only: { type: 'string', default: '' } } });

for (const mutant of MUTANTS.filter(({ name }) => name.includes(values.only))) {
  const { isCaught, output, ms } = await runMutant(mutant);
  const [, found = output] = /seed (\d+, trace .*\n.*)/.exec(output) ?? [];
  console.log(
    `${isCaught ? '✔' : '✘'} ${mutant.name} (${(ms / 1000).toFixed(1)} s): ${found.replace(/\s+/g, ' ').slice(0, 160)}`,
  );
  if (!isCaught) process.exitCode = 1;
}
