// A simulator with every fault against the command `serve`, and whether both agree on what happened.
//   npm run test:scenario -- --tasks 5000 --engine postgres
// Options: --engine sqlite, postgres or bullmq (default sqlite), --tasks (1000), --seed (random).
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';

import { addresses, runScenario, type ScenarioRun } from './run-scenario.ts';

const { values } = parseArgs({
  options: {
    engine: { type: 'string', default: 'sqlite' },
    tasks: { type: 'string', default: '1000' },
    seed: { type: 'string', default: String(randomInt(2 ** 31)) },
  },
});
const [tasks, seed] = [Number(values.tasks), Number(values.seed)];
if (!Object.hasOwn(addresses, values.engine)) {
  console.error(`--engine must be one of ${Object.keys(addresses).join(', ')}`);
  process.exit(2);
}
if (!(Number.isInteger(tasks) && tasks > 0 && Number.isInteger(seed) && seed >= 0)) {
  console.error('--tasks must be a positive whole number, and --seed a whole number');
  process.exit(2);
}
const engine = values.engine as ScenarioRun['engine'];
console.log(`${tasks} tasks on ${engine}, seed ${seed}`);
const results = await runScenario({ engine, tasks, seed, onProgress: (line) => console.log(line) });
const { differences, before, after, ...rest } = results;
console.log(
  JSON.stringify(
    before,
    (_key, value: unknown) => (Array.isArray(value) ? value.length : value),
    2,
  ),
);
console.log({ events: after.events, ...rest, differences: differences.length });
for (const difference of differences.slice(0, 20)) console.log(difference);
process.exitCode = differences.length === 0 ? 0 : 1;
