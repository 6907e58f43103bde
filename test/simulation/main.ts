// Runs receivers, the database and the vendor under one seeded scheduler, and checks every step.
//   npm run test:simulation                              20 seeds
//   npm run test:simulation -- --seeds 1000 --steps 10000000
//   npm run test:simulation -- --seed 42 --trace         one seed, with every step
// Options: --seeds (20), --seed of the first one (random), --steps of all seeds together, --trace.
import { parseArgs } from 'node:util';

import { simulate, type SimulationResult } from './simulation.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string' },
    seed: { type: 'string' },
    steps: { type: 'string', default: '0' },
    trace: { type: 'boolean', default: false },
  },
});

const first = number('seed', values.seed ?? String(Math.floor(Math.random() * 1e9)), 0);
const seeds = number('seeds', values.seeds ?? (values.trace ? '1' : '20'), 1);
const steps = number('steps', values.steps, 0);
/** Steps with faults; about as many follow without. */
const STEPS_OF_A_SEED = 8000;
/** One seed in so many runs twice. */
const REPEATED = 10;
const counts = new Map<string, number>();
const startedAt = performance.now();
let done = 0;

process.on('unhandledRejection', (error) => fail(`unhandled rejection: ${String(error)}`));

console.log(`simulation: ${seeds} seeds from ${first}`);
for (let index = 0; index < seeds || done < steps; index += 1) {
  const result = await run(first + index);
  const isSame = index % REPEATED !== 0 || (await run(first + index)).hash === result.hash;
  done += result.steps;
  for (const [what, times] of result.counts) counts.set(what, (counts.get(what) ?? 0) + times);
  if (result.findings.length > 0) report(result);
  if (!isSame) fail(`the seed ${first + index} had two different traces`);
}
for (const [what, times] of [...counts].sort())
  console.log(`  ${what.padEnd(44)} ${String(times).padStart(9)}`);
const seconds = (performance.now() - startedAt) / 1000;
console.log(
  `${done.toLocaleString('en')} steps, ${Math.round(done / seconds).toLocaleString('en')} a second, ` +
    `${seconds.toFixed(0)} s; no broken invariant`,
);

function run(seed: number): Promise<SimulationResult> {
  return simulate({
    seed,
    steps: STEPS_OF_A_SEED,
    onLine: values.trace ? (line) => console.log(line) : undefined,
  });
}

function report({ seed, findings, lines, hash }: SimulationResult): never {
  console.error(`\nThe last steps:\n${lines.join('\n')}\n`);
  return fail(
    `seed ${seed}, trace ${hash}:\n  ${findings.join('\n  ')}\nTo repeat: npm run test:simulation -- --seed ${seed} --seeds 1`,
  );
}

function number(name: string, text: string, min: number): number {
  const value = Number(text);
  return value >= min ? value : fail(`--${name} must be a number of at least ${min}, not ${text}`);
}

function fail(message: string): never {
  console.error(`simulation: ${message}`);
  process.exit(1);
}
