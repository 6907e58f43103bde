import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

import { root } from '../support/workspace.ts';
import { MUTANTS, mutate, runMutant } from './mutants.ts';

const main = join(root, 'test/simulation/main.ts');
const randomSeed = Number(process.env['SIMULATION_SEED'] ?? Math.floor(Math.random() * 1e9));

/** In a process of its own: the runtime's time and randomness are replaced there. */
function run(...args: readonly string[]): string {
  const options = { cwd: root, encoding: 'utf8' } as const;
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', 'tsx', main, ...args],
    options,
  );
  return stdout + stderr;
}

describe(`simulation: with SIMULATION_SEED=${randomSeed}, no invariant breaks, and a seed repeats its trace`, () => {
  test.each([1, 50, randomSeed])('seed %i', (seed) => {
    expect(run('--seed', String(seed), '--seeds', '1')).toMatch(/no broken invariant/);
  });
});

describe('simulation: finds', () => {
  const quick = ['a duplicate replaces the first event', 'the sweep asks the clock of the runtime'];

  test.each(MUTANTS.filter(({ name }) => quick.includes(name)))(
    'the deliberate bug: $name',
    async (mutant) => {
      const { isCaught, output } = await runMutant(mutant);
      expect(output).toMatch(/To repeat: npm run test:simulation -- --seed/);
      expect(isCaught).toBe(true);
    },
  );

  test.each(MUTANTS)('a place in core for the bug: $name', (mutant) => {
    expect(mutate(mutant)).toContain(mutant.replace);
  });
});
