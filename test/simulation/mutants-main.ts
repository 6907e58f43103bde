// Runs the simulation on core with each deliberate bug, and prints which seed finds it.
//   npm run test:simulation:mutants                    each with the seed in mutants.ts
//   npm run test:simulation:mutants -- --search        looks for the first seed that finds it, from 1
// Options: --search, --only for mutants with this text in their name.
import { parseArgs } from 'node:util';

import { MUTANTS, runMutant } from './mutants.ts';

const { values } = parseArgs({
  options: { search: { type: 'boolean', default: false }, only: { type: 'string', default: '' } },
});

for (const mutant of MUTANTS.filter(({ name }) => name.includes(values.only))) {
  const seeds = values.search
    ? ['--seed', '1', '--seeds', '100']
    : ['--seed', String(mutant.seed), '--seeds', '1'];
  const { isCaught, output, ms } = await runMutant(mutant, seeds);
  const [, found = output] = /seed (\d+, trace .*\n.*)/.exec(output) ?? [];
  console.log(
    `${isCaught ? '✔' : '✘'} ${mutant.name} (${(ms / 1000).toFixed(1)} s): ${found.replace(/\s+/g, ' ').slice(0, 160)}`,
  );
  if (!isCaught) process.exitCode = 1;
}
